"""A lab whose hosts are played by several processes, as in containers: its gateway is a small server in HTTP."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from asynclab import BadAnswer, Lab, Refused

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
PROCESSES = (("a.test",), ("b.test", "c.test", "d.test"))


class Gateway(ThreadingHTTPServer):
    """The gateway of a lab. `asked`: the requests to admin sides; `gone`: hosts that are described and not there."""

    daemon_threads = False

    def __init__(self, processes: Sequence[Sequence[str]], *, takes_hosts: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.processes, self.takes_hosts = processes, takes_hosts
        self.played: list[str] = []
        self.asked: list[str] = []
        self.gone: set[str] = set()

    @property
    def url(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def describe(self) -> Mapping[str, object]:
        """Return what the lab says of itself."""
        hosts = [host for process in self.processes for host in process if host not in self.gone]
        sites = {
            host: {"http": f"http://{host}", "tls": f"https://{host}", "admin": f"http://{host}:8081"} for host in hosts
        }
        for host in self.played:
            sites[host] = {
                "http": f"http://{host}",
                "tls": f"https://{host}",
                "admin": f"http://{self.takes_hosts}:8081",
            }
        usual = {"v": 1, "gateway": self.url, "ca": None, "hello": "http://hello:8000", "sites": sites, "direct": False}
        return {**usual, "takes_hosts": self.takes_hosts} if self.takes_hosts else usual

    def answer(self, method: str, host: str, path: str) -> tuple[int, Mapping[str, object] | str]:
        """Return the status and the answer to a request."""
        if host and host in {self.takes_hosts, *self.played}:
            return self.answer_of_taker(f"{method} {host} {path}")
        process = next((each for each in self.processes if host in each), ())
        if not process or host in self.gone:
            return 502, f"{host} is not in the lab"
        self.asked.append(f"{method} {host} {path}")
        if path == "/checkpoints":
            number = self.processes.index(process)
            return 201, {"checkpoint": number, "entry": 10 * number, "hosts": process}
        if path == "/journal/verify":
            return 503, {"error": "busy", "problems": [{"field": "request", "reason": "the site is busy: ask again"}]}
        if path.startswith("/journal"):
            return 200, {"entries": [], "total": 0, "kept": 0, "dropped": 0}
        if method == "POST" and path == "/plays/new.test":
            if len(process) == 1:
                problem = {"field": "host", "reason": "is not here"}
                return 404, {"error": "unknown_host", "problems": [problem]}
            return 201, {"host": "new.test", "id": 5, "match": {}, "times": None}
        return 200, {"hosts": [each for each in process if each not in self.gone]}

    def answer_of_taker(self, asked: str) -> tuple[int, Mapping[str, object] | str]:
        """Return the status and the answer to a request to the process that takes new hosts."""
        self.asked.append(asked)
        if self.takes_hosts in self.gone:
            return 502, f"{self.takes_hosts}:8081: the service {self.takes_hosts} has no address: is it up?\n"
        if asked.endswith("/checkpoints"):
            return 201, {"checkpoint": 9, "entry": 90, "hosts": self.played}
        if "/restore" in asked:
            self.played.clear()
            return 200, {"hosts": []}
        if "/plays/" in asked:
            self.played = [asked.rpartition("/")[2]]
            return 201, {"host": self.played[0], "id": 5, "match": {}, "times": None}
        return 200, {"entries": [], "total": 0, "kept": 0, "dropped": 0, "clock": {"unix_s": 2.0, "monotonic_s": 1.0}}


class Handler(BaseHTTPRequestHandler):
    """One connection of the gateway."""

    protocol_version = "HTTP/1.1"
    timeout = 20
    server: Gateway

    def do_GET(self) -> None:
        """Answer a request in absolute form, or /lab."""
        self.rfile.read(int(self.headers["Content-Length"]))
        parts = urlsplit(self.path)
        host = (parts.hostname or "", f"{parts.path}{'?' * bool(parts.query)}{parts.query}")
        status, answer = self.server.answer(self.command, *host) if parts.hostname else (200, self.server.describe())
        body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_DELETE = do_GET  # noqa: N815 - names of the base

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def lab_of(processes: Sequence[Sequence[str]] = PROCESSES, *, takes_hosts: str = "") -> Iterator[tuple[Lab, Gateway]]:
    """Serve a gateway, and join its lab."""
    with Gateway(processes, takes_hosts=takes_hosts) as gateway:
        thread = threading.Thread(target=lambda: gateway.serve_forever(0.01))
        thread.start()
        try:
            with Lab.join(gateway.url, timeout_s=20) as lab:
                yield lab, gateway
        finally:
            gateway.shutdown()
            thread.join()


def test_a_view_asks_each_process_once_before_and_once_after() -> None:
    """However many hosts it plays; the journal of each host begins where that of its process was."""
    with lab_of() as (lab, gateway):
        with lab.view() as view:
            assert gateway.asked == ["POST a.test /checkpoints", "POST b.test /checkpoints"]
            gateway.asked.clear()
            for host in ("a.test", "d.test"):
                with pytest.raises(BadAnswer, match="unix_s is not a number"):  # this one has no clocks
                    view.site(host).journal()
            assert [each.rpartition("since=")[2].partition("&")[0] for each in gateway.asked] == ["0", "10"]
            gateway.asked.clear()
        assert gateway.asked == ["POST a.test /checkpoints/0/restore", "POST b.test /checkpoints/1/restore"]


def test_hosts_that_have_gone_do_not_keep_a_view_from_being_put_back() -> None:
    """Another host of the same process is asked instead; at the start too."""
    with lab_of() as (lab, gateway):
        gateway.gone = {"a.test"}
        with lab.view():
            gateway.gone |= {"b.test", "c.test"}
        assert gateway.asked == ["POST b.test /checkpoints", "POST d.test /checkpoints/1/restore"]


@pytest.mark.parametrize("processes", [PROCESSES, (("a.test",),)], ids=["not through its gateway", "by no process"])
def test_a_lab_that_takes_no_new_host_says_what_to_do(processes: Sequence[Sequence[str]]) -> None:
    """Each process is asked; a play that the gateway would not lead to is removed again."""
    with lab_of(processes) as (lab, gateway):
        with pytest.raises(Refused, match=r"new\.test cannot be added, since this lab takes no new hosts: use a"):
            lab.play("new.test", OK)
        removed = [each for each in gateway.asked if each.startswith("DELETE")]
        assert removed == ["DELETE b.test /plays/new.test/5"] * (len(processes) - 1)


def test_a_new_host_goes_to_the_process_that_takes_it_and_leaves_with_the_view() -> None:
    """That process is part of a checkpoint even where it has no host; and the journal of its hosts is read once."""
    with lab_of([("a.test",)], takes_hosts="taker") as (lab, gateway):
        with lab.view() as view:
            assert gateway.asked == ["POST taker /checkpoints", "POST a.test /checkpoints"]
            gateway.asked.clear()
            site = view.play("new.test", OK)
            assert gateway.asked == ["POST taker /plays/new.test"]
            assert "new.test" in view.hosts
            gateway.asked.clear()
            assert site.journal() == []
            assert gateway.asked == ["GET new.test /journal?since=90&limit=1000&host=new.test"]
        assert gateway.asked[1:] == ["POST taker /checkpoints/9/restore", "POST a.test /checkpoints/0/restore"]
        assert lab.hosts == ["a.test"]


def test_a_process_that_takes_hosts_and_is_down_is_said_to_be() -> None:
    """Not that the lab takes no new hosts."""
    with lab_of([("a.test",)], takes_hosts="taker") as (lab, gateway):
        gateway.gone.add("taker")
        with pytest.raises(Refused, match=r"^taker cannot be asked: .* has no address: is it up\? \(status 502\)$"):
            lab.play("new.test", OK)


def test_an_expectation_waits_for_a_site_that_is_busy() -> None:
    """Up to its deadline; then the refusal is raised."""
    with lab_of() as (lab, gateway):
        with pytest.raises(Refused, match="the site is busy") as caught:
            lab.site("a.test").verify(timeout_s=0.5)
        assert (caught.value.status, len(gateway.asked) > 1) == (503, True)
