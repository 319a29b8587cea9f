"""The lab's command line, and what it runs."""
