"""How a lab is reached: its process, its gateway, and the admin API behind it."""
