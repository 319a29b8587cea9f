"""Responses that the admin API adds to hosts."""
