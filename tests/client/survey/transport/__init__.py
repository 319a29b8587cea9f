"""Tests of client.survey.transport."""
