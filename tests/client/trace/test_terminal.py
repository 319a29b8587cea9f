"""What a terminal can show, by case tables of streams and environments."""

import io
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from services.client.trace.terminal import Terminal


@pytest.fixture
def screen() -> Iterator[TextIO]:
    """Give a stream that is a terminal, as wide as the test makes it."""
    master, slave = pty.openpty()
    with open(slave, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor has no path
        yield stream
    os.close(master)


def piped(encoding: str = "utf-8") -> TextIO:
    """Return a stream that is no terminal."""
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("told", "columns"),
    [
        ("80", 80),
        ("40", 40),
        ("200", 200),
        ("39", 40),
        ("1", 40),
        ("201", 200),
        ("9" * 5000, 200),
        ("0", 80),
        ("", 80),
        ("-5", 80),
        ("1e3", 80),
        ("٨٠", 80),
        ("wide", 80),
    ],
)
def test_columns_are_those_of_the_variable_within_bounds(told: str, columns: int) -> None:
    """From 40 to 200; a value that is no number is ignored."""
    assert Terminal.of(piped(), {"COLUMNS": told}).columns == columns


@pytest.mark.parametrize(("wide", "columns"), [(120, 120), (20, 40), (500, 200), (0, 80)])
def test_without_the_variable_the_terminal_tells_its_width(screen: TextIO, wide: int, columns: int) -> None:
    """A terminal that does not know it has the usual one."""
    import fcntl
    import struct
    import termios

    fcntl.ioctl(screen.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 24, wide, 0, 0))
    assert Terminal.of(screen, {}).columns == columns
    assert Terminal.of(screen, {"COLUMNS": "60"}).columns == 60


@pytest.mark.parametrize(
    ("encoding", "variables", "unicode"),
    [
        ("utf-8", {}, True),
        ("utf-8", {"LANG": "zh_CN.UTF-8"}, True),
        ("gb18030", {"LANG": "zh_CN.GB18030"}, True),
        ("ascii", {}, False),
        ("latin-1", {"LANG": "de_DE.ISO-8859-1"}, False),
        ("utf-8", {"LANG": "C"}, False),
        ("utf-8", {"LANG": "POSIX"}, False),
        ("utf-8", {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ("utf-8", {"LC_CTYPE": "C.UTF-8"}, True),
        ("utf-8", {"LANG": "C", "LC_CTYPE": "zh_CN.UTF-8"}, True),
        ("utf-8", {"LANG": "en_US.UTF-8", "LC_ALL": "C"}, False),
        ("utf-8", {"LANG": "C", "LC_ALL": "C.UTF-8"}, True),
        ("utf-8", {"TERM": "dumb", "LANG": "en_US.UTF-8"}, False),
        ("utf-8", {"TERM": "xterm-256color"}, True),
    ],
)
def test_unicode_is_shown_where_encoding_locale_and_terminal_have_it(
    encoding: str, variables: dict[str, str], unicode: bool
) -> None:
    """Under LANG=C Python itself sets LC_CTYPE to C.UTF-8 (PEP 538); the person meant C."""
    assert Terminal.of(piped(encoding), variables).unicode is unicode


@pytest.mark.parametrize(
    ("variables", "colour"),
    [
        ({}, True),
        ({"TERM": "xterm"}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(screen: TextIO, variables: dict[str, str], colour: bool) -> None:
    """https://no-color.org: present and not empty; and none in a pipe."""
    assert Terminal.of(screen, variables).colour is colour
    assert not Terminal.of(piped(), variables).colour
