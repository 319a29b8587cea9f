"""Faults: what a site can do wrong, by name and by byte.

A fault is a pure function from what would be sent (`Play`) to a script of bytes, pauses and an ending; the connection
performs it. Order of reading: `script` (the words), `kinds` (every fault and its exact bytes), `plan` (which
connections or requests get it), `force` (a plan in force: what it has seen, what it decides).
"""
