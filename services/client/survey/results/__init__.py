"""The results of a survey: the record, its formats, the file it is written to, and going on with it."""
