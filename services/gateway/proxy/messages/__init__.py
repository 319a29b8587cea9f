"""What a client sends, without I/O: `request` (bytes to a head), `body` (where a request ends), `incoming` (both)."""
