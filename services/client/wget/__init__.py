"""The async wget: three lessons that fetch the same heads in three ways.

Order of reading: `sequential`, `yield_from`, `await_`, `head_lines` (which all three use), `tutorial` (which runs them)
and `command`. The survey of many hosts that grew from the same idea is in `services.client.survey`.
"""
