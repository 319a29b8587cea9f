"""The producer/consumer pipeline under several concurrency models.

Order of reading: `generator`, `queue_` and `broken` (the lessons), `stages` and `edition` (what the editions share),
`ledger` (what became of every item), `command` (which runs an edition).
"""
