"""How often a serving program looks at its connections, and how long it waits for a peer while it has hardly room.

A sweep over all connections enforces every deadline: a timer for each would be made only to be cancelled.
"""

SWEEP_S = 0.25  # a connection ends this much after its deadline, at most
DRAIN_POLL_S = 0.02  # how often a program that stops looks whether the last connection has gone
SHORT_PATIENCE_S = 1.0  # for a peer that sends nothing, while there is hardly room for others
GRACE_S = 0.25  # for a head, or a handshake, to become whole before its memory is given to a newer connection
