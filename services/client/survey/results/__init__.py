"""What is known of each target: the record, its formats, the file it is written to, and going on with it."""
