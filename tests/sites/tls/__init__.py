"""Tests of sites.tls."""
