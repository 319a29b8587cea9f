"""The gateway: the only way into the lab from this machine, with two ports.

One relays TCP connections to `hello`; the other is a forward proxy (`proxy`), through which a client reaches every host
of the lab by its name. It is the only container that the host can reach, and the only one that can reach the host. So
it has no third-party package, and no client can choose a target that is not in a fixed list.

Order of reading: `relay` (two connections and the bytes between them), `dialer` (connections to the target), `acceptor`
(connections of clients: how many, and how they end), `proxy`, `health` (the engine's health check), `settings`.
"""
