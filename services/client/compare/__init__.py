"""`client compare`: the same work one after another and at once, measured and drawn.

Order of reading: `runs` (a lesson is run and recorded), `delays` (sites are made to take as long as real ones), `wget`,
`hello` and `pipeline` (what is compared), `picture` (how it is drawn), `command`.
"""
