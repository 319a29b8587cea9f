"""Tests of the recorded sites."""
