"""`lab bench wget`: many heads, each on a new connection, beside curl, aiohttp's client and wrk.

Order of reading: `contestants` (who fetches, and how that is measured), `one_host` (the same page again and again),
`stages` (where its processor time goes), `many_hosts` (hosts that are gone, slow, or speak TLS), `newest_curl` (in
containers), `million` (`--million`), `result` (the parts together).
"""
