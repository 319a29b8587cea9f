"""The header survey. Its peers speak bytes: `tests.client.peers`, and `hostile` here."""
