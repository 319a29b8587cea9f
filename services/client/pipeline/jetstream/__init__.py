"""The pipeline over a broker, NATS JetStream: jobs go to workers on any number of machines.

Order of reading: `edition` (a run, from its items to its ledger), `publisher` and `collector` (its two halves);
`serve` (a worker, which follows runs), `worker` (its part in one run), `job` (what happens to one job). Below these are
`pull` (messages of a consumer), `streams` (names and limits), `registry` (which runs there are), `messages` (what is in
a message), `requests` (many requests at once) and `connection`.
"""
