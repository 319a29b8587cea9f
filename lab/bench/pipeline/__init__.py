"""`lab bench pipeline`: what each edition of the pipeline costs, beside the same in other people's libraries.

Order of reading: `result` (the parts together), `in_process`, `over_broker`, `waiting`, `memory`; `program` is what
each turn runs, in a process that measures itself, and `broker` what the turns of the jetstream edition need.
"""
