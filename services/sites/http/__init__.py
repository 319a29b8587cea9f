"""HTTP/1.1 without I/O: requests read, and bodies made."""
