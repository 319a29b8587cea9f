"""The pipeline over a broker, in containers that are killed, paused, cut off and filled up."""
