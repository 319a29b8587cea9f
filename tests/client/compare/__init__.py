"""`client compare`."""
