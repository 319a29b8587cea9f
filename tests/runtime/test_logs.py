"""A stranger's text forges no log line and drives no terminal."""

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
    r"""C0, DEL and C1 become \xNN; what is seen stays, in any script."""
    assert printable(HOSTILE) == r"a\x0d\x0aERROR forged\x1b[2J\x9b\x7f"
    assert printable("naïve 新浪") == "naïve 新浪"
    assert printable(b"caf\xe9".decode(errors="surrogateescape")) == r"caf\xe9"


def test_what_turns_or_hides_text_is_escaped() -> None:
    r"""Bidirectional controls, zero-width characters, separators, tags and surrogates become \uNNNN or \UNNNNNNNN."""
    assert printable("\u202efoo\u2066\u200b\u2028\ufeff\xad") == r"\u202efoo\u2066\u200b\u2028\ufeff\u00ad"
    assert printable("a\U000e0041\ud800\u061c") == r"a\U000e0041\ud800\u061c"


@pytest.mark.parametrize("category", ["Cc", "Cf", "Cs", "Zl", "Zp"])
def test_no_character_of_a_category_that_is_not_drawn_stays(category: str) -> None:
    """But for the signs that Arabic and Kaithi draw around the digits that follow."""
    drawn = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    every = (chr(code) for code in range(0x110000) if code not in drawn)
    assert not [ascii(each) for each in every if unicodedata.category(each) == category and printable(each) == each]


def test_a_text_line_is_one_line() -> None:
    """Whatever it quotes."""
    line = TextFormatter().format(record(HOSTILE + TURNED))
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_a_json_line_gives_the_message_back() -> None:
    """LAB_LOG=json: one object a line, nothing lost."""
    line = JsonFormatter().format(record(HOSTILE + TURNED))
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert json.loads(line)["message"] == f"host {HOSTILE}{TURNED}"


def test_a_traceback_forges_no_line() -> None:
    """An exception's text may be a peer's; every line of a traceback is indented, and printable."""
    try:
        raise ValueError(HOSTILE + TURNED)
    except ValueError:
        failed = record("x")
        failed.exc_info = sys.exc_info()
    first, *rest = TextFormatter().format(failed).splitlines()
    assert first.endswith(" INFO host x")
    assert rest[-1].startswith("  ERROR forged")
    assert all(line.startswith("  ") and line.isprintable() for line in rest)
