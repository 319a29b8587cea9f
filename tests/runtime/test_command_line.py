"""What a program prints, wherever its standard output goes."""

import io
import sys

import pytest

from services.runtime.command_line import show

SHOWN = {"ascii": rb"caf\xe9 \u65b0", "latin-1": b"caf\xe9 " + rb"\u65b0", "utf-8": "caf\xe9 新".encode()}


@pytest.mark.parametrize(("encoding", "shown"), SHOWN.items(), ids=SHOWN)
def test_what_a_terminal_has_no_letters_for_is_shown_by_its_number(
    encoding: str, shown: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's text in the journal must not end the program that shows it."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    show("caf\xe9 新")
    assert written.getvalue() == shown + b"\n"
