"""JSON that anybody may have written, read so that nothing of it is lost: of a name that is there twice, Python keeps
the last value and says nothing. TOML (see `tables`) refuses that by itself."""

import json
from collections.abc import Sequence


def read_objects(text: str | bytes) -> object:
    """Return what JSON says. Raises ValueError for what is none or has a name twice, RecursionError for depth."""
    return json.loads(text, object_pairs_hook=once_each)


def once_each(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return an object. Raises ValueError for a name that is there twice."""
    made: dict[str, object] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"{name[:40]!r} is there twice in one object")
        made[name] = value
    return made
