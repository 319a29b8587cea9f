"""Traces: which tasks of an event loop ran, and when. Every picture of tasks is drawn from one.

Order of reading: `model` (what is recorded), `recorder` (how), `lanes` (how it is drawn in a terminal).
"""
