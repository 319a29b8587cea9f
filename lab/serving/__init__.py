"""`lab serve`: the embedded lab, standing, and a command inside it."""
