"""The client: what a person runs against the lab. Start reading at `services.client.cli`."""
