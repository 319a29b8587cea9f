"""The forward proxy: every host of the lab under its real name, at one address.

A client sends requests in absolute-form, or CONNECT. Nothing that it asks for is looked up, unless it is in the
directory of the lab's names. Bytes, pauses and ends pass through as they are.

Order of reading, first without I/O: `messages` (bytes to heads, and where a request ends), `directory` (the names),
`decision` (what is done with a head), `responses` (what the gateway says itself); then `handover` and `relay` (the two
ways of a connection), `shared` (what connections share), `server` (all of them), with `settings`.
"""
