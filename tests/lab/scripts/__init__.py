"""Tests of what make runs: the Makefile, .venv, the locked requirements, and the Pythons that are named."""
