"""Reads a site's sums from the answers of its admin side: `/journal?limit=0` and `/metrics`."""

import json
import re

from lab.bench.chaos.found import Sums

SAMPLE = re.compile(r"^(\w+)(?:\{.*\})? ([0-9.eE+-]+)$", re.MULTILINE)


def read_sums(journal: str, metrics: str) -> Sums | None:
    """Return the sums; None where one of the answers cannot be read."""
    try:
        counts = json.loads(journal)
        total, kept, dropped = (int(counts[name]) for name in ("total", "kept", "dropped"))
    except (ValueError, KeyError, TypeError):
        return None
    samples = [(name, float(value)) for name, value in SAMPLE.findall(metrics)]

    def added(pattern: str) -> int:
        return int(sum(value for name, value in samples if re.search(pattern, name)))

    return Sums(
        total,
        kept,
        dropped,
        requests=added(r"^site_requests_total$"),
        open=added(r"^site_connections_open$"),
        turned_away=added(r"turned_away.*_total$"),
    )
