"""Bytes to and from a server: connecting, TLS, and sockets that wait on an epoll of their own."""
