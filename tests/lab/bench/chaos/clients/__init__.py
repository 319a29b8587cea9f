"""Tests of lab.bench.chaos.clients."""
