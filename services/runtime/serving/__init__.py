"""Serving on a port: limits of memory and time, allowed hosts, health and metrics.

Order of reading: `listen` (the port), `serve` (an application on it), `limited_protocol` with
`connection_limits` and `deadlines` (what a connection may cost), `allowed_hosts` (which requests are answered).
"""
