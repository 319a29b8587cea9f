"""Tests of the head reader: `cases` is the table that they share."""
