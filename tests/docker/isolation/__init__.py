"""Which container reaches what, and what each may do."""
