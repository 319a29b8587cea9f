"""Tests of client.pipeline.jetstream.tracing: what workers tell of their jobs."""
