"""Tests of client.pipeline."""
