"""Names that options, environment and results agree on, and that cost nothing to import."""

LOOPS = ("asyncio", "uvloop")
VERSION = "0.1.0"  # as in pyproject.toml, which no container has
LOG_FORMATS = ("text", "json")
