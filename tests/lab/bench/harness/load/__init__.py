"""Tests of lab.bench.harness.load."""
