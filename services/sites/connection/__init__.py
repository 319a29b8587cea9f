"""One connection to a site: what is read from it, and what is written."""
