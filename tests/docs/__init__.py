"""Tests of the pages for people: what they say is so."""
