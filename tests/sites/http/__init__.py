"""Tests of sites.http."""
