"""The pipeline over a broker, NATS JetStream: jobs go to workers on any number of machines.

Order of reading: `edition` (a run, from its items to its ledger), `producer` and `collector` (its two halves), `reader`
(by which the second reads results) and `leftovers` (runs that are not at work). `worker` is the other side: a worker
that follows runs. Both use `registry` (which runs there are), `run` (what a run asks for), `messages` (what is in a
message) and `broker`.
"""
