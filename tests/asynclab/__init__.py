"""Tests of `asynclab`, the package that other tests import; most use the fixtures of its own pytest plugin."""
