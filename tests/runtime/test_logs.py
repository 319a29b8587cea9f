"""Text of a peer forges no log line and controls no terminal."""

import json
import logging
import sys
import unicodedata

import pytest

from services.runtime.logs import JsonFormatter, TextFormatter
from services.runtime.terminal import printable

HOSTILE = "a\r\nERROR forged\x1b[2J\x9b\x7f"
TURNED = "\u202eb\u2028c\ufeff\ud800"


def record(message: str) -> logging.LogRecord:
    """Return a log record."""
    return logging.LogRecord("sites", logging.INFO, __file__, 1, "host %s", (message,), None)


def test_control_characters_are_escaped_in_text() -> None:
    r"""C0, DEL and C1 become \xNN; visible characters of any script stay."""
    assert printable(HOSTILE) == r"a\x0d\x0aERROR forged\x1b[2J\x9b\x7f"
    assert printable("naïve 新浪") == "naïve 新浪"
    assert printable(b"caf\xe9".decode(errors="surrogateescape")) == r"caf\xe9"


def test_characters_that_change_direction_or_are_invisible_are_escaped() -> None:
    r"""Bidirectional controls, zero-width characters, separators, tags and surrogates become \uNNNN or \UNNNNNNNN."""
    assert printable("\u202efoo\u2066\u200b\u2028\ufeff\xad") == r"\u202efoo\u2066\u200b\u2028\ufeff\u00ad"
    assert printable("a\U000e0041\ud800\u061c") == r"a\U000e0041\ud800\u061c"


@pytest.mark.parametrize("category", ["Cc", "Cf", "Cs", "Zl", "Zp"])
def test_every_character_of_an_invisible_category_is_escaped(category: str) -> None:
    """Except the visible signs of Arabic and Kaithi, which enclose the digits after them."""
    drawn = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    every = (chr(code) for code in range(0x110000) if code not in drawn)
    assert not [ascii(each) for each in every if unicodedata.category(each) == category and printable(each) == each]


def test_a_text_line_is_one_line() -> None:
    """Also where the message quotes line ends."""
    line = TextFormatter().format(record(HOSTILE + TURNED))
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_a_json_line_holds_the_whole_message() -> None:
    """LAB_LOG=json: one object a line."""
    line = JsonFormatter().format(record(HOSTILE + TURNED))
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert json.loads(line)["message"] == f"host {HOSTILE}{TURNED}"


def test_a_traceback_forges_no_line() -> None:
    """An exception's text may be a peer's; each line of a traceback is indented and printable."""
    try:
        raise ValueError(HOSTILE + TURNED)
    except ValueError:
        failed = record("x")
        failed.exc_info = sys.exc_info()
    first, *rest = TextFormatter().format(failed).splitlines()
    assert first.endswith(" INFO host x")
    assert rest[-1].startswith("  ERROR forged")
    assert all(line.startswith("  ") and line.isprintable() for line in rest)
