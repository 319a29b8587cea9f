"""Tests of lab.serving."""
