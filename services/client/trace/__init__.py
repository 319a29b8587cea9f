"""What the tasks of an event loop did, and when: the one source of every picture.

Order of reading: `model` (what is kept), `recorder` (how it is gained), `lanes` (how it is drawn in a terminal).
"""
