"""The gateway: the one way from this machine into the lab, TCP to `hello`, byte for byte.

It is the only container that the host can reach, and the only one that can reach the host, so it is the smallest: no
third-party package, no request that it understands, no target that a peer could choose.

Order of reading: `relay`, a connection on each side and the bytes between them; `dialer`, which targets there are;
`acceptor`, how many connections at once, and how they end; `health`, what the engine asks; `settings`.
"""
