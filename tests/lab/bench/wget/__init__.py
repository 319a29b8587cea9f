"""Tests of `lab bench wget`."""
