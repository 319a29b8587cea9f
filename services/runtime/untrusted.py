"""JSON and TOML of outside, read within limits, and without a loss.

Of a name that is in a JSON object twice, Python keeps the last value without a word: here it is an error. Python limits
the digits of a number; tomllib does not limit the depth of a document.
"""

import json
import re
import sys
import tomllib
from collections.abc import Sequence

MAX_KEY_PARTS = 100  # of a dotted key; tomllib keeps each beginning of it, so that 100,000 parts fill any memory
MAX_DIGITS = sys.get_int_max_str_digits()

DIGITS = re.compile(r"[0-9_]+")
LONG_KEY = re.compile(rf"""(?<![\w"'-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){{{MAX_KEY_PARTS}}}""")


class BadTOML(Exception):
    """A text is not TOML, or over the limits; the text of the error says why, and where."""


def parse_json(text: str | bytes) -> object:
    """Return the value of a JSON text.

    Raises ValueError for a text that is not JSON or has a name twice in an object, RecursionError for depth.
    """
    try:
        return json.loads(text, object_pairs_hook=object_of)
    except ValueError as error:
        if is_of_digits(error):
            raise ValueError(f"a number of more than {MAX_DIGITS:,} digits") from error
        raise


def is_of_digits(error: ValueError) -> bool:
    """Return whether an error is Python's refusal of a long number, whose text is advice for programmers."""
    return "set_int_max_str_digits" in str(error)


def object_of(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object. Raises ValueError for a name that is there twice."""
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"{name[:40]!r} is there twice in one object")
        members[name] = value
    return members


def parse_toml(raw: bytes) -> dict[str, object]:
    """Return the content of a TOML document. Raises BadTOML."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise BadTOML(f"is not UTF-8 at byte {error.start}") from error
    if LONG_KEY.search(text):
        raise BadTOML(f"has a key of more than {MAX_KEY_PARTS} parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadTOML(f"is not TOML: {error}") from error
    except RecursionError as error:
        raise BadTOML("is nested too deeply") from error
    except ValueError as error:
        raise BadTOML(f"{longest_number(text)}: is a number of more than {MAX_DIGITS:,} digits") from error


def longest_number(text: str) -> str:
    """Return where the longest number is: the field that its line begins with, if it does, and its line."""
    lines = text.split("\n")
    runs = [max(map(len, DIGITS.findall(line)), default=0) for line in lines]
    number = runs.index(max(runs))
    field, equals, _value = lines[number].partition("=")
    return f"{field.strip()[:40]} (line {number + 1})" if equals else f"line {number + 1}"
