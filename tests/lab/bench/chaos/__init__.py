"""Tests of the chaos bench: of what it draws, understands and judges. What it does to a lab is in tests/docker."""
