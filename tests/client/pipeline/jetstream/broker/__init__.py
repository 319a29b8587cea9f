"""Tests of client.pipeline.jetstream.broker: messages to and from a broker, and peers that are none."""
