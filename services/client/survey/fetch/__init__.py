"""One target: look-up, connection, request, head; redirects, retries and limits around it."""
