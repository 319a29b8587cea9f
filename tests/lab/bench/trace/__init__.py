"""`lab bench start`."""
