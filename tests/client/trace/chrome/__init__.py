"""Tests of trace files."""
