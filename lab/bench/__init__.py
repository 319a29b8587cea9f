"""Comparing with peers, honestly: the same bytes, the same load, one run, each contestant in its turn.

Order of reading: `figures` (what is measured, and what follows from it), `rounds` (whose turn it is), `machine`,
`processes`, `peers` and `servers` (what runs), `sites`, `wget`, `hello` and `stalled` (the benches), `report` and
`chart` (what is shown), `command`. And `null_server`, `low_level`, `aiohttp_client` are contestants: programs
of their own.
"""
