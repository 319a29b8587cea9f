"""The broker: NATS JetStream's own program, `nats-server`, with a configuration and a password of the lab.

The container starts it by `__main__`, the embedded lab by `lab.embedded.broker`; both write what `configuration` has.
"""
