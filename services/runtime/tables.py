"""TOML that anybody may have written, read within bounds: tomllib has none for depth, Python has one for numbers."""

import re
import sys
import tomllib

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
