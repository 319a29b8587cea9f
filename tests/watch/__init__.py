"""The watch server."""
