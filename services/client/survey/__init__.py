"""The header survey: one record for each target, however many, on one process or several.

Order of reading: `survey` (what runs), `targets` (input), `fetch` (one target), `transport` (its bytes), `results`
(its record); `processes` for long lists.
"""
