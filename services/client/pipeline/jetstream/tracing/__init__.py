"""A run that is traced: workers tell its producer when they begin and end a job, and that becomes lanes of the trace.

`told` is what is in such a message, `teller` the worker's side, `lanes` and `job_trace` the producer's.

It goes over core NATS, one subject a run, several jobs a message: nothing is stored, nothing is sent again, and no job
waits for it. What is lost is counted. A run that is not traced has none of it.
"""
