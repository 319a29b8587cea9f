"""Tests of `client trace`: how a program is run and recorded."""
