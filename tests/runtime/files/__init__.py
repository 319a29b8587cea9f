"""Tests of runtime.files."""
