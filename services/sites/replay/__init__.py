"""Recordings: files read, checked and made ready to be replayed."""
