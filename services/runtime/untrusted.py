"""JSON and TOML from outside, read within bounds, and so that nothing of it is lost.

Of a name that is twice in a JSON object, Python keeps the last value and says nothing: here it is refused. tomllib has
no bound for depth, and Python has one for the digits of a number.
"""

import json
import re
import sys
import tomllib
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


MAX_KEYS = 100  # in one dotted key; tomllib keeps every beginning of it, and 100,000 keys fill any memory
MAX_DIGITS = sys.get_int_max_str_digits()

DIGITS = re.compile(r"[0-9_]+")
LONG_KEY = re.compile(rf"""(?<![\w"'-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){{{MAX_KEYS}}}""")


class BadTables(Exception):
    """A text is not TOML, or more of it than will be read; the text says which, and where."""


def read_tables(raw: bytes) -> dict[str, object]:
    """Return what a TOML document says. Raises BadTables."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise BadTables(f"is not UTF-8 at byte {error.start}") from error
    if LONG_KEY.search(text):
        raise BadTables(f"has a key of more than {MAX_KEYS} parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadTables(f"is not TOML: {error}") from error
    except RecursionError as error:
        raise BadTables("is nested too deeply") from error
    except ValueError as error:
        raise BadTables(f"{longest_number(text)}: is a number of more than {MAX_DIGITS:,} digits") from error


def longest_number(text: str) -> str:
    """Return where the longest run of digits is: its field, if its line begins with one, and its line."""
    lines = text.split("\n")
    runs = [max(map(len, DIGITS.findall(line)), default=0) for line in lines]
    number = runs.index(max(runs))
    field, equals, _value = lines[number].partition("=")
    return f"{field.strip()[:40]} (line {number + 1})" if equals else f"line {number + 1}"
