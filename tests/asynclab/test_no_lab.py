"""URLs that lead to no lab, labs that do not start, and labs that go: a typed error in time, and never a hang."""

import json
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest

from asynclab import Lab, LabError, LabGone, LabNotStarted, NotALab, PortTaken, TooManyOpenFiles
from asynclab.connection import process
from tests.asynclab.raw_server import Behaviour, answering, closing, dripping, endless, raw_server, silent
from tests.ports import held_port

TIMEOUT_S, LONG_S = 0.5, 20.0
LAB = {"v": 1, "gateway": "http://127.0.0.1:1", "ca": None, "hello": "http://hello:8000", "sites": {}, "direct": True}


def page(body: bytes, status: str = "200 OK") -> bytes:
    """Return an answer with a body."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def as_json(**changes: object) -> bytes:
    """Return what a lab says of itself, with changes."""
    return page(json.dumps(LAB | changes).encode())


NO_LABS: Mapping[str, tuple[Behaviour, str]] = {
    "silent": (silent, r"no whole answer within 0\.5 s"),
    "a byte at a time": (dripping, r"no whole answer within 0\.5 s"),
    "endless": (endless, r"no whole answer within 0\.5 s|does not answer in HTTP"),
    "closes": (closing, "does not answer in HTTP|reset|closed"),
    "garbage": (answering(b"\x00\xff" * 400), "does not answer in HTTP"),
    "a megabyte": (answering(b"x" * 1_000_000), "does not answer in HTTP"),
    "a megabyte of fields": (answering(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200_000 + b"\r\n"), "not answer in HTTP"),
    "a megabyte of body": (answering(page(b"x" * 1_000_000)), "is not a JSON object"),
    "another protocol": (answering(b"220 smtp.example ESMTP\r\n"), "does not answer in HTTP"),
    "cut short": (answering(as_json()[:-5]), "does not answer in HTTP"),
    "a web server": (answering(page(b"<html>", "404 Not Found")), "answers GET /lab with status 404"),
    "another version": (answering(as_json(v=2)), "it speaks version 2, and this asynclab speaks version 1"),
    "no version": (answering(page(b"{}")), "it speaks version 0"),
    "a list": (answering(page(b"[1]")), "is not a JSON object"),
    "deep": (answering(page(b"[" * 200_000)), "is not a JSON object"),
    "other types": (answering(as_json(sites=[])), "is not a JSON object"),
    "a site without URLs": (answering(as_json(sites={"a.test": {"http": 1}})), "http is not text"),
}


@pytest.mark.parametrize(("behave", "reason"), NO_LABS.values(), ids=NO_LABS)
def test_a_server_that_is_no_lab_cannot_be_joined(behave: Behaviour, reason: str) -> None:
    """One line with the URL and the reason. Who answers has more time than a busy machine takes."""
    timeout_s = TIMEOUT_S if behave in {silent, dripping, endless} else LONG_S
    with raw_server(behave) as url, pytest.raises(NotALab, match=reason) as caught:
        Lab.join(url, timeout_s=timeout_s).__enter__()
    assert str(caught.value).startswith(f"{url} is no lab that can be joined (")
    assert "\n" not in str(caught.value)


URLS = [
    "",
    "127.0.0.1:3128",
    "https://127.0.0.1:1/",
    "http://",
    "http://h:x",
    "http://a@h",
    "http://h/lab",
    "\n",
    "http://[::1",
    "http://\u65e5\u672c:80",
]


@pytest.mark.parametrize("url", URLS)
def test_what_is_no_url_of_a_lab_is_refused(url: str) -> None:
    """Before anything is connected to."""
    with pytest.raises(NotALab, match=r"is not of the form http://127\.0\.0\.1:3128"):
        Lab.join(url).__enter__()


def test_where_nothing_listens_no_lab_is_joined() -> None:
    """The system refuses the connection."""
    with held_port() as port, pytest.raises(NotALab, match="Connection refused"):
        Lab.join(f"http://127.0.0.1:{port}").__enter__()


def test_a_name_that_no_host_can_have_is_no_lab() -> None:
    """Its label is too long for a question about it."""
    with pytest.raises(NotALab, match="label"):
        Lab.join(f"http://{'a' * 64}.example:80").__enter__()


def test_a_port_that_is_taken_is_told_apart() -> None:
    """The error has the port; the lab that did not start leaves nothing behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} is taken: leave the port out") as caught:
            Lab(port=port).__enter__()
    assert caught.value.port == port


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_number_that_no_port_has_is_told(port: int) -> None:
    """In the words of `lab serve`."""
    with pytest.raises(LabNotStarted, match=f"exit code 2: .*{port}") as caught:
        Lab(port=port).__enter__()
    assert type(caught.value) is LabNotStarted


def test_a_lab_has_the_port_that_is_asked_for() -> None:
    """It can be asked for again once the lab has ended."""
    with held_port() as port:
        for _time in range(2):
            with Lab(port=port) as lab:
                assert lab.proxy_url == f"http://127.0.0.1:{port}"


PROGRAMS: Mapping[str, tuple[str, str]] = {
    "fails": ("echo 'lab: no room' >&2; exit 1", r"did not start \(exit code 1: lab: no room\)"),
    "fails in silence": ("exit 3", r"did not start \(exit code 3\)"),
    "is killed": ("kill -9 $$", r"did not start \(signal 9 ended it\)"),
    "says nothing": ("read line", "was not ready in time: it said nothing"),
    "says half a line": ("echo slow >&2; printf '{'; read line", "was not ready in time: slow"),
    "says something else": ("echo hello; read line", r"is no lab \(is not a JSON object\)"),
}


@pytest.mark.parametrize(("program", "text"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_lab_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch, program: str, text: str) -> None:
    """With the last line of its stderr, in time, and without a process that is left."""
    monkeypatch.setattr(sys, "executable", "/bin/sh")  # soon there, where a deadline has to pass
    monkeypatch.setattr(process, "SERVE", ("-c", program))
    with pytest.raises(LabNotStarted, match=text):
        process.LabProcess(timeout_s=2 if "in time" in text else LONG_S)


def test_an_interpreter_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A virtual environment may be removed while it is used."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(LabNotStarted, match="cannot be run: No such file"):
        Lab().__enter__()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No temporary file can be made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))


@pytest.mark.usefixtures("full")
def test_without_a_temporary_file_no_lab_starts() -> None:
    """The disk may be full."""
    with pytest.raises(LabNotStarted, match=r"no temporary file can be made \(No such file"):
        Lab().__enter__()


@pytest.mark.usefixtures("full")
def test_without_a_temporary_file_a_lab_that_goes_is_told() -> None:
    """Only the file with its log is missing."""
    started = process.LabProcess.__new__(process.LabProcess)
    with Path(__file__).open("rb") as errors:
        started._log, started._errors = None, errors
        assert started._kept_log() == []


def test_without_a_temporary_file_a_joined_lab_has_no_ca(
    lab_session: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It would be fetched into one."""
    with Lab.join(lab_session.proxy_url) as joined:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
        with pytest.raises(LabError, match="certificate cannot be written to a file"):
            joined.ca_file  # noqa: B018 - the property raises


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_lab_that_goes_is_told_at_the_next_call(number: signal.Signals) -> None:
    """A killed one by its signal; one that hangs by the deadline. Leaving it takes no longer than that."""
    with Lab() as lab:
        site, child = lab.site("www.163.com"), child_of(lab)
        os.kill(child, number)
        lab._admin.gateway.timeout_s = TIMEOUT_S  # not before: a lab that is well may take longer on a busy machine
        began = monotonic()
        for use in (site.faults, site.journal, site.verify, lambda: lab.site("b.test"), lambda: lab.hosts):
            with pytest.raises(LabGone) as caught:
                use()
            text = "signal 9 ended it" if number == signal.SIGKILL else "the lab runs, and does not answer (no whole"
            assert text in str(caught.value)
            assert "join" not in str(caught.value)
        assert monotonic() - began < 20
        if number == signal.SIGSTOP:
            os.kill(child, signal.SIGCONT)


def test_a_process_without_files_is_told_so() -> None:
    """The lab is well, so it is not said to be gone, by a lab that runs or by one that is to be joined."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Lab() as lab, socket.socket() as last:
        site, url = lab.site("www.163.com"), lab.proxy_url
        lab._admin.gateway.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (last.fileno() + 1, hard))
        held = fill()
        try:
            for use in (site.journal, site.verify, lambda: lab.hosts, Lab.join(url).__enter__):
                with pytest.raises(TooManyOpenFiles, match=r"Too many open files.*ulimit -n"):
                    use()
        finally:
            for each in held:
                os.close(each)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert site.journal() == []


def fill() -> list[int]:
    """Open files until there are no more, and return them."""
    held: list[int] = []
    with suppress(OSError):
        while True:
            held.append(os.dup(0))
    return held


def child_of(lab: Lab) -> int:
    """Return the process of a lab that this process started."""
    running = lab._lab._process
    assert running is not None
    return running._process.pid


def test_a_joined_lab_that_goes_is_told() -> None:
    """Each call, and a view that is to be put back."""
    with Lab() as lab, Lab.join(lab.proxy_url) as joined:
        lab.__exit__(None, None, None)
        for use in (joined.site("www.163.com").faults, lambda: joined.hosts, lambda: joined.ca_file):
            with pytest.raises(LabGone, match="is gone"):
                use()


def test_an_expectation_is_not_waited_for_beyond_the_end_of_the_lab() -> None:
    """The deadline of `verify` is far away."""
    with Lab() as lab:
        site = lab.site("www.163.com")
        killing = threading.Timer(0.1, os.kill, (child_of(lab), signal.SIGKILL))
        killing.start()
        with pytest.raises(LabGone):
            site.verify(timeout_s=50)
        killing.join()


def test_answers_that_are_not_the_admin_apis_are_refused(lab: Lab) -> None:
    """A proxy between, that answers by itself."""
    site = lab.site("www.163.com")
    with raw_server(answering(page(b"<html>\x1b[2J", "503 Service Unavailable"))) as url:
        site._admin.gateway._address = ("127.0.0.1", urlsplit(url).port or 0)
        site._admin.gateway.close()
        try:
            with pytest.raises(LabError, match=r"cannot be asked: <html>\?\[2J \(status 503\)"):
                site.faults()
        finally:
            site._admin.gateway._address = ("127.0.0.1", urlsplit(lab.proxy_url).port or 0)
