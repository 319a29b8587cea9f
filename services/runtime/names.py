"""Names that options, environment and results agree on, and that cost nothing to import."""

LOOPS = ("asyncio", "uvloop")
LOG_FORMATS = ("text", "json")
