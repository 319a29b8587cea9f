"""The async wget: three lessons, and the survey that the same idea grows into.

The editions, in this order: `sequential`, `yield_from`, `await_`, `head_lines`, and `tutorial`, which runs them.

The survey: `survey` shows the whole. A target goes from `source` through `fetch` (redirects and retries around
`exchange`, which is `connect`, `stream` and the head reader) and becomes a record (`records`, `formats`, `output`).
`watch` keeps every deadline, `poll` says which sockets are ready, `pace` and `guard` say what may be asked. `resume`
goes on after a kill, `team` spreads a long list over the cores.
"""
