"""What the tasks of an event loop did, and when. Every picture of tasks is drawn from such a trace.

Order of reading: `model` (what is recorded), `recorder` (how), `lanes` (how it is drawn in a terminal).
"""
