"""Tests of lab.bench.harness."""
