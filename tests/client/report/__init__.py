"""Tests of the report: its numbers and lanes, its HTML, and how it looks in a browser."""
