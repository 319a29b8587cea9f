"""Tests of sites.faults."""
