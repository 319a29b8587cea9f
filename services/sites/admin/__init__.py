"""The admin side of a site, on a port that never leaves the lab: health, metrics, faults, journal.

`app` puts the routes together, `answers` is what they share, `faults` and `journal` are the handlers, `verify` holds
the journal against what a test expects (`criteria`: which entries it means; `overlap`: how many at once), `openapi`
describes all of it in `schemas`.
"""
