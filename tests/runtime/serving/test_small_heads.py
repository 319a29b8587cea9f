"""Requests that come whole: they are passed on at once, and every other one goes through the limits' careful way."""

import pytest

from services.runtime.serving.limited_protocol import FREE_HEAD_BYTES, is_small_head

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "is_small"),
    [
        (HEAD, True),
        (HEAD.replace(b"\r\n", b"\n"), False),
        (HEAD.replace(b"\r\n", b"\n") + HEAD, False),
        (HEAD[:-1], False),
        (HEAD + HEAD, False),
        (HEAD + b"x", False),
        (b"\r\n" + HEAD, False),
        (b"\n" + HEAD, False),
        *((HEAD[:size], False) for size in range(1, 5)),
        (HEAD[:-2] + b"A: " + b"x" * FREE_HEAD_BYTES + b"\r\n\r\n", False),
    ],
    ids=[
        "whole",
        "bare LF",
        "bare LF, then another",
        "cut short",
        "two",
        "a body",
        "an empty line before",
        "a LF before",
        *(f"the first {size} bytes" for size in range(1, 5)),
        "large",
    ],
)
def test_only_one_whole_head_is_passed_on_at_once(data: bytes, is_small: bool) -> None:
    """What it costs is within the memory that a connection has anyway."""
    assert is_small_head(data) is is_small
