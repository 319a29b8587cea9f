"""A connection that is relayed: `connection` (the client's), `upstream` (the host's), `stream` (one way of bytes).

`phases` has the deadlines.
"""
