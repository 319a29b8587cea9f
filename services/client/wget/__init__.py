"""The async wget. Order of reading: `yield_from`, `await_`, `head_lines`, then `command`, which runs them."""
