"""What a person installs: the sdist and the wheel."""
