"""Tests of runtime.sockets."""
