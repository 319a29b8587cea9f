"""Tests of lab.bench.pipeline."""
