"""The survey's transports: Linux's epoll, or what every Unix has, as macOS."""

import os
import select

import pytest

from services.client.survey.transport import sockets


@pytest.fixture(params=["epoll", "no epoll"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run each test with the features of Linux, and without them."""
    if request.param == "no epoll":
        monkeypatch.delattr(select, "epoll")
        monkeypatch.delattr(os, "sched_getaffinity")
        monkeypatch.setattr(os, "process_cpu_count", os.cpu_count, raising=False)  # since Python 3.13, built on it
        monkeypatch.setattr(sockets, "NONBLOCK", 0)
        monkeypatch.setattr(sockets, "GIVES_UP", False)
    return str(request.param)
