"""The page's texts, as tests read them."""

import json
import re
from functools import cache

from lab import ROOT

TEXTS = ROOT / "services/watch/page/text"
ENTRY = re.compile(r'("(?:[^"\\]|\\.)*"): ("(?:[^"\\]|\\.)*")')


@cache
def texts(name: str) -> dict[str, str]:
    """Return the texts of a file by their keys."""
    found = ENTRY.findall((TEXTS / name).read_text("utf-8"))
    return {json.loads(key): json.loads(value) for key, value in found}
