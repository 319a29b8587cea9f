"""Tests of sites.admin."""
