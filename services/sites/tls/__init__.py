"""TLS of the sites: the handshake, the lab's certificate authority, and certificates."""
