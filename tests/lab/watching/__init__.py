"""Tests of lab.watching."""
