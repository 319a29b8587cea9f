"""Serving on a port: sockets, bounds on memory and time, allowed host names, health and metrics."""
