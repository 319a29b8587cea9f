"""The users of `client hello`: pages over HTTP/1.1 by a protocol each, for ten thousand of them on one core.

Order of reading: `page` (where a response ends, without I/O), `session` (connections, and what they are asked).
"""
