"""Tests of client.survey.results."""
