"""The admin API of a site, on its own port, which only the lab reaches: health, metrics, faults, plays, journal.

`app` has the routes. `faults`, `plays` (with `new_play`) and `journal` are the handlers, and `responses` and `bounds`
(memory and time) what they share. `query` reads queries, `expectations` the expectations of a test, with the criteria
of `entries`; `verification` compares the journal with them (`overlap`: how many exchanges at once). `openapi` describes
the routes, and `schemas` the JSON, from the same tables that requests are checked with (`shapes`).
"""
