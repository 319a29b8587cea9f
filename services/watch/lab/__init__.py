"""What is asked of the lab: `client` asks through its gateway, `view` has how the lab is now, `services` measures."""
