"""Tests of runtime.serving."""
