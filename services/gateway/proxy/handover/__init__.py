"""A connection that is handed over to its site: `arrivals` (accepted, and its first bytes), `choice` (whether it is).

`channels` sends a socket to a site in another container; `inbound_only` keeps such sockets from connecting.
"""
