"""`lab bench chaos`: everything at once, drawn by a seed, against a lab of its own; and what held.

Read `schedule` first: what is done to the lab, and when. Then `storm`, which does it, and `judge`.
"""
