"""Recording: responses of live sites, kept as they came, so that the lab can play them.

Order of reading: `fetch_request` (what is asked for), `fetch` (the response), `body` (where a response ends),
`secrets` (what is masked), `provenance` (the sidecar), `files` (how both are written), `command` (one URL).

Then, for more than one: `request_match` (which requests a recording is for), `destinations` (where it goes), `chain`
(redirects), `several`; `har`, from a browser's file; and `program`, which reads the command line.
"""
