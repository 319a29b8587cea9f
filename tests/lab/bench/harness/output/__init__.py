"""Tests of lab.bench.harness.output."""
