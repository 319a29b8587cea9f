"""Tests of sites.connection."""
