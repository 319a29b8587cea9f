"""Tests of lab.embedded."""
