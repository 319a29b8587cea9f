"""The producer/consumer pipeline. Order of reading: `generator` (the lesson), `command` (which runs it)."""
