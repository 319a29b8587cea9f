"""`lab bench --html`: the figures as a page in the report's style: `page` the whole, `bars` and `plots` pictures."""
