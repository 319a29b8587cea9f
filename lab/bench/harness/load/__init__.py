"""Servers under load: `servers` starts them, `wrk` loads them, `loaded` has the figures of a turn."""
