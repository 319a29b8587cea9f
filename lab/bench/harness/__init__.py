"""The shared parts of all benches: how figures are measured, and how they are shown.

Order of reading: `figures` (what is measured, and what follows from it), `rounds` (in turns), `machine` (which core,
and how busy others kept it), `processes`, `peers`, `load/` (servers, and what loads them), `output/` (what shows
figures).
"""
