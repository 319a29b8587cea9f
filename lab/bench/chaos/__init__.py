"""`lab bench chaos`: attacks, kills and changes, all at once, against a separate lab; and which promises held.

A seed decides what happens and when. Read `schedule` first: what is done to the lab, and when. Then `storm`, which does
it, and `judge`, which says what held.
"""
