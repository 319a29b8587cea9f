"""What the client does where a service that was started with it does not answer yet."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from services.client import cli
from services.client.defaults import WAITS_FOR
from services.client.network import readiness
from services.runtime.errors import BadSetting
from services.runtime.serving import healthcheck
from services.runtime.settings import Environment

HOST = "127.0.0.1"


class Service:
    """A service that answers with these statuses, one after another; the last one again and again."""

    def __init__(self, statuses: list[int], port: int) -> None:
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805 - the library's name; `self` is the service
                self.asked.append(handler.path)
                handler.send_response(statuses[min(len(self.asked), len(statuses)) - 1])
                handler.end_headers()

            def log_message(handler, *_: object) -> None:  # noqa: N805
                """Print nothing."""

        self.server = HTTPServer((HOST, port), Handler)
        self.name = f"{HOST}:{self.server.server_port}"

    def __enter__(self) -> "Service":
        self._thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], object]]]:
    """What happens in the pauses between two questions, in turn; a pause without anything is an error."""
    happenings: list[Callable[[], object]] = []
    monkeypatch.setattr("services.client.network.readiness.sleep", lambda _: happenings.pop(0)())
    yield happenings
    assert not happenings


def free_port() -> int:
    """Return a port where nothing listens."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_services_that_are_ready_are_asked_once(pauses: list[Callable[[], object]]) -> None:
    """A lab that has been up for hours costs no pause."""
    with Service([200], 0) as one, Service([200], 0) as other:
        readiness.wait_for(f"{one.name} {other.name}")
    assert one.asked == other.asked == ["/readyz"]
    assert not pauses


def test_one_that_is_not_ready_is_asked_again(pauses: list[Callable[[], object]]) -> None:
    """It answers, and says that it is not yet."""
    pauses += [lambda: None] * 2
    with Service([503, 503, 200], 0) as service:
        readiness.wait_for(service.name)
    assert len(service.asked) == 3


def test_one_that_does_not_listen_yet_is_waited_for(pauses: list[Callable[[], object]]) -> None:
    """Its process has begun, and imports its modules."""
    port = free_port()
    with ExitStack() as stack:
        pauses.append(lambda: stack.enter_context(Service([200], port)))
        readiness.wait_for(f"{HOST}:{port}")


def test_one_whose_name_has_no_address_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, pauses: list[Callable[[], object]]
) -> None:
    """It was stopped, or belongs to another lab."""

    def unknown(*_: object, **__: object) -> socket.socket:
        raise socket.gaierror(socket.EAI_NONAME, "no address")

    monkeypatch.setattr(healthcheck, "ask", unknown)
    readiness.wait_for("sina:8081 sohu:8081")
    assert not pauses


def test_one_that_says_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, pauses: list[Callable[[], object]]
) -> None:
    """It was paused, or has stalled: it does not just start."""
    monkeypatch.setattr(readiness, "ASK_TIMEOUT_S", 0.05)
    with socket.create_server((HOST, 0)) as silent:
        readiness.wait_for(f"{HOST}:{silent.getsockname()[1]}")
    assert not pauses


def test_after_the_deadline_the_command_runs_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """A survey shows what such a service answers: that is what it is for."""
    readiness.wait_for(f"{HOST}:{free_port()}", deadline_s=0)
    assert capsys.readouterr().err == f"not ready after 0 s, and asked as it is: {HOST}\n"


@pytest.mark.parametrize("services", ["hello", "hello:", ":8000", "hello:0", "hello:65536", "hello:x", "a b:1"])
def test_a_list_that_is_none_is_a_wrong_setting(services: str) -> None:
    """One line says how it is written."""
    with pytest.raises(BadSetting, match=WAITS_FOR):
        readiness.wait_for(services)


@pytest.mark.parametrize(
    ("argv", "waited"), [(["wget", "--timeout", "1", "x.invalid"], ["hello:8000"]), (["parse", "--help"], [])]
)
def test_only_a_command_that_runs_waits(argv: list[str], waited: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Help comes at once, whatever the lab does."""
    asked: list[str] = []

    def wait_for(services: str) -> None:
        asked.append(services)
        raise SystemExit

    monkeypatch.setattr(readiness, "wait_for", wait_for)
    with pytest.raises(SystemExit):
        cli.program(argv, Environment({WAITS_FOR: "hello:8000"}))
    assert asked == waited
