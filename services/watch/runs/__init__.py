"""Runs: programs of the client that a page starts, and what their traces say.

`programs` declares what a page may start; `child` is one program as it runs; `runs` has all of them.
"""
