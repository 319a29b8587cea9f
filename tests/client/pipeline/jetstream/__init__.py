"""Tests of client.pipeline.jetstream. They run the broker's program on loopback, with its store in a directory."""
