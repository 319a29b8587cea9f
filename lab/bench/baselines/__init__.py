"""Minimal programs beside which the lab's programs are measured."""
