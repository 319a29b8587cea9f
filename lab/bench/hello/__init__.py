"""`lab bench hello`: thousands of users at once, and what the server can do without its sleep.

Order of reading: `result` (the parts together), `users` (the half second), `without_sleep` (beside other servers).
"""
