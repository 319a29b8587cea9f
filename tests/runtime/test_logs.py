"""A stranger's text forges no log line and drives no terminal."""

import json
import logging

from services.runtime.logs import JsonFormatter, TextFormatter
from services.runtime.text import printable

HOSTILE = "a\r\nERROR forged\x1b[2J\x9b\x7f"


def record(message: str) -> logging.LogRecord:
    """Return a log record."""
    return logging.LogRecord("sites", logging.INFO, __file__, 1, "host %s", (message,), None)


def test_control_characters_are_escaped_in_text() -> None:
    r"""C0, DEL and C1 become \xNN; everything else stays."""
    assert printable(HOSTILE) == r"a\x0d\x0aERROR forged\x1b[2J\x9b\x7f"
    assert printable("naïve 新浪") == "naïve 新浪"
    assert printable(b"caf\xe9".decode(errors="surrogateescape")) == r"caf\xe9"


def test_a_text_line_is_one_line() -> None:
    """Whatever it quotes."""
    line = TextFormatter().format(record(HOSTILE))
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_a_json_line_gives_the_message_back() -> None:
    """LAB_LOG=json: one object a line, nothing lost."""
    line = JsonFormatter().format(record(HOSTILE))
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == f"host {HOSTILE}"
