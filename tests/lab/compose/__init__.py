"""Tests of lab.compose."""
