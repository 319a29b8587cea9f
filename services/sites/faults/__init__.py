"""Faults: what a site can do wrong, by name and by byte.

A fault is a pure function from what would be sent (`FaultContext`) to a script of bytes, pauses and an ending, which
a connection's writer sends. Order of reading: `script` (what a script is made of), `catalog` (every fault and its exact
bytes), `plan` (which connections or requests get it), `active` (a plan in force: what it has seen, what it decides).
"""
