"""`lab bench scale`: how time and memory grow with targets, items, workers, recorded hosts and connections.

Order of reading: `result` (the axes together), `axes` (what a point measures), `lab.bench.harness.curve` (exponents).
"""
