"""The broker: NATS JetStream's own program, `nats-server`, with a configuration and a password of the lab.

The container starts it by `__main__`, the embedded lab by `lab.broker`; both write what `configuration` returns.
"""
