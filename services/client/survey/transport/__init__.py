"""Bytes to and from a server: connecting, TLS, and sockets that are polled by one epoll."""
