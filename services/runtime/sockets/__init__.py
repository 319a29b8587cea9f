"""Sockets that are connected already: what the system knows of them, and how they come to another process or a loop."""
