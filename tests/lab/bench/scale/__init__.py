"""`lab bench scale`."""
