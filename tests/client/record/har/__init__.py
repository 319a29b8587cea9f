"""HAR files: their entries, their documents, and what is recorded of them."""
