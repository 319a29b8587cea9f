"""The users of `client hello`."""
