"""What pages are told as it happens, by server-sent events: `history` keeps the last of it, `stream` sends it."""
