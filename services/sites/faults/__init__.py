"""Faults: what a site can do wrong, by name and by byte.

A fault is a function from a `FaultContext` (the response that would be sent, and parameters) to a script: bytes, pauses
and an ending, which the connection sends. Order of reading: `script` (what a script is made of), `catalog` (every fault
and its exact bytes) with `parameters`, `plan` (which connections or requests get a fault), `active` (a plan that was
set: its counters and decisions). The scripts are in `timing`, `endings` and `malformed`.
"""
