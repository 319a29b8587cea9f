"""The editions in one process, and the lessons that they are: a diff of two neighbours shows the concurrency model."""
