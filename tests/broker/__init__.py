"""The broker's own program: its settings, its password, its configuration."""
