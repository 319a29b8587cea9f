"""Minimal programs that the lab's own are measured beside."""
