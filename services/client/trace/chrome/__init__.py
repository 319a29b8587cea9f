"""Traces as files: Chrome Trace Event JSON, which Perfetto, chrome://tracing and the lab's own page open.

Order of reading: `times` and `events` (what is in a file), `feed` (of what it is made), `to_events` (how), `file`
(where it goes: a file at the end, or a pipe as it comes), `reading` (back into a Trace, by `from_events`) and `merging`
(several traces on one clock).

The format is the JSON Array Format, one event a line. A file that was cut off, without its `]`, is one all the same.
"""
