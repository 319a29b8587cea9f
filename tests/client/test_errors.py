"""Errors of the system and of libraries, and the names that the client gives them."""

import errno
import socket

import pytest

from services.client.errors import KINDS, fetch_error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "refused"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "reset"),
        (ConnectionResetError("Connection lost"), "reset"),
        (OSError(errno.EHOSTUNREACH, "no route"), "unreachable"),
        (OSError("no more than a word"), "unreachable"),
        (socket.gaierror(socket.EAI_NONAME, "no such name"), "dns"),
    ],
    ids=["refused", "reset", "reset without a number", "unreachable", "without a number", "no such name"],
)
def test_each_error_has_its_name(error: Exception, kind: str) -> None:
    """With or without an errno: what asyncio's streams raise once their connection is lost has none."""
    assert fetch_error(error).kind == kind
    assert kind in KINDS
