"""Tests of client.survey.fetch."""
