"""How a picture is drawn: where all of it is on the time axis, and what is said beside it.

Order of reading: `shapes` (the axis, and what a lane is made of), `groups` (which lanes are drawn large), `lane_views`,
`bands`, `said` (the lines below the lanes), `tables`, `picture` (all of it, for the templates).
"""
