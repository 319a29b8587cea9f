"""Tests of the bench: of how it measures and shows, never of how fast anything is."""
