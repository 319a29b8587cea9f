"""The configuration of the broker's program: names of files as it reads them."""

import os
from pathlib import Path

import pytest

from services.broker.configuration import configuration
from services.broker.settings import ServerSettings
from services.runtime.http import Address

NAMES = {
    "plain": (b"/a b", r"/a b"),
    "quote and backslash": (b'/"\\u0041', r"/\"\\u0041"),
    "line end": (b"/a\nb", r"/a\nb"),
    "control characters": (b"/\x01\x08\x0c", r"/\x01\x08\x0c"),
    "not ASCII": ("/ü".encode(), r"/\xc3\xbc"),
    "not text": (b"/\xff", r"/\xff"),
}


@pytest.mark.parametrize(("name", "written"), NAMES.values(), ids=NAMES)
def test_a_directory_may_have_any_name(name: bytes, written: str) -> None:
    r"""The program knows \xNN and no \uNNNN, which JSON has."""
    store = Path(os.fsdecode(name))
    settings = ServerSettings(Address("127.0.0.1", 4222), monitoring=None, store=store, store_bytes=None)
    text = configuration(settings, "password")
    assert f'"store_dir": "{written}"' in text
    assert text.isascii()
