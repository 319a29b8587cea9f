"""Tests of client.admin."""
