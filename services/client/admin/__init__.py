"""The commands that ask a site's admin API: `client faults` and `client journal`; `api` sends the requests."""
