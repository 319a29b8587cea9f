"""`lab bench start`: how long until there is something to see, and how much there is to bring.

Order of reading: `result` (the parts together), `programs` (without containers), `containers`, `sizes`.
"""
