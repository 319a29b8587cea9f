"""The header survey: one record for each target, however many, on one process or several.

The way of a target: `targets` (input), `tasks` (which take targets), `fetch` (one target), `transport` (its bytes),
`results` (its record). Around it: `survey` (puts the parts together), `run` (progress and stops), `deadlines`; for long
lists `processes`, `worker_process` and `worker_protocol`.
"""
