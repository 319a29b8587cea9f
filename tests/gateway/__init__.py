"""The gateway: bytes, ends and bounds of what goes through it."""
