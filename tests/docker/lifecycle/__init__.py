"""How a lab in containers starts, changes, breaks and ends."""
