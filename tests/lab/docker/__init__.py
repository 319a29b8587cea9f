"""Tests of lab.docker."""
