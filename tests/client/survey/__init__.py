"""Tests of client.survey."""
