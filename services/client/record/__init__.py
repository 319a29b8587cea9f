"""Recording: one response of a live site, kept as it came, so that the lab can play it.

Order of reading: `url` (what is asked), `fetch` (who asks), `body` (where a response ends), `secrets` (what must not be
kept), `provenance` (what is said of it), `files` (how it gets onto the disk), `command`.
"""
