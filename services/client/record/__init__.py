"""Recording: one response of a live site, kept as it came, so that the lab can play it.

Order of reading: `fetch_request` (what is asked for), `fetch` (the response), `body` (where a response ends),
`secrets` (what is masked), `provenance` (the sidecar), `files` (how both are written), `command`.
"""
