"""Tests of sites.listening."""
