"""Tests of client.url."""
