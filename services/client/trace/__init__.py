"""Traces: which tasks of an event loop ran, when, and what they waited for. Every picture of tasks is drawn from one.

Order of reading: `model` (what is recorded), `recorder` and `tasks` (how), `recording` (for a command of the client),
`program` (for any program), `chrome` (as a file), `terminal_chart` (how it is drawn in a terminal).
"""
