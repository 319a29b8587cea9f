"""The producer/consumer pipeline. Order of reading: `generator`, then `command`, which runs it."""
