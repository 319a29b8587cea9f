"""Tests of sites.replay."""
