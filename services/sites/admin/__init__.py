"""The admin side of a site, on a port that never leaves the lab: health, metrics, faults, journal.

`app` puts the routes together, `answers` is what they share, within `bounds` of memory and time. `faults` and `journal`
are the handlers. `expectations` reads what a test expects of the journal, `verdict` holds the two together (`criteria`:
which entries are meant; `overlap`: how many at once). `openapi` describes all of it in `schemas`.
"""
