"""Comparing with peers, and measuring what the lab costs."""
