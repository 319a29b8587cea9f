"""The journal over HTTP: entries by criteria, and what a test expects of them."""
