"""The gateway: it relays TCP connections from this machine to `hello`, the only way into the lab.

It is the only container that the host can reach, and the only one that can reach the host. So it does little: it has no
third-party package, it reads no request, and no client can choose its target.

Order of reading: `relay` (two connections and the bytes between them), `dialer` (connections to the target), `acceptor`
(connections of clients: how many, and how they end), `health` (the engine's health check), `settings`.
"""
