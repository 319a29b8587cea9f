"""Workers, producers, brokers and networks that fail in the middle of a run."""
