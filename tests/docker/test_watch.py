"""The page in containers: published by the gateway, in the client's networks, and a way to nothing else."""

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from lab.compose.stack import Stack

pytestmark = pytest.mark.docker

TIMEOUT_S = 30
TOKEN = re.compile(rb'name="asynclab-token" content="([^"]+)"')
NONE: Mapping[str, str] = MappingProxyType({})
HOSTS = ["www.163.com", "www.sina.com.cn", "www.sohu.com"]


class Page:
    """The page, as this machine's browser reaches it."""

    def __init__(self, stack: Stack) -> None:
        self.at = stack.run_compose("port", "gateway", "8080").stdout.strip()
        _, text = self.raw("GET", "/")
        found = TOKEN.search(text)
        assert found, text
        self.token = found[1].decode()

    def raw(
        self, method: str, path: str, body: bytes | None = None, fields: Mapping[str, str] = NONE
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        with closing(http.client.HTTPConnection(self.at, timeout=TIMEOUT_S)) as connection:
            connection.request(method, path, body, dict(fields))
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        data = None if body is None else json.dumps(body).encode()
        status, text = self.raw(method, path, data, {"X-Asynclab-Token": self.token})
        return status, json.loads(text)

    def events(self) -> Iterator[tuple[str, Any]]:
        """Yield the events of the stream, each with its name and its data."""
        with closing(http.client.HTTPConnection(self.at, timeout=TIMEOUT_S)) as connection:
            connection.request("GET", "/api/events")
            name = ""
            for line in connection.getresponse():
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    yield name, json.loads(value)

    def run(self, program: str, **options: object) -> tuple[list[Any], dict[str, Any]]:
        """Run a program, and return the events of its trace and the run when it has ended."""
        stream, traced = self.events(), []
        assert next(stream)[0] == "state"
        status, run = self.ask("POST", "/api/runs", {"program": program, "options": options})
        assert status == 201, run
        for name, data in stream:
            if name == "run" and data["id"] == run["id"]:
                traced += data.get("events", [])
                if data.get("run", run)["state"] != "running":
                    found: dict[str, Any] = data["run"]
                    return traced, found
        raise AssertionError("the stream has ended")


@pytest.fixture(scope="module")
def page(stack: Stack) -> Page:
    """Load the page."""
    return Page(stack)


def test_the_page_shows_the_lab(page: Page) -> None:
    """Its hosts, and every service as healthy."""
    _, state = page.ask("GET", "/api/state")
    assert [each["host"] for each in state["lab"]["sites"]] == HOSTS
    _, said = page.ask("GET", "/api/services")
    assert {each["name"]: each["healthy"] for each in said["services"]} == dict.fromkeys(
        ["gateway", "hello", *HOSTS, "broker", "watch"], True
    )


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("wget", {"targets": HOSTS}),
        ("wget", {"targets": ["https://www.163.com/"], "mode": "sequential", "loop": "uvloop"}),
        ("compare", {"what": "wget"}),
        ("hello", {"users": 10}),
        ("pipeline", {"edition": "jetstream", "n": 20}),
    ],
    ids=["wget", "wget over TLS", "compare", "hello", "jetstream"],
)
def test_a_program_runs_and_its_trace_comes(page: Page, program: str, options: dict[str, object]) -> None:
    """As in the client's container, by the hosts' own names; a pipeline has workers elsewhere."""
    traced, ended = page.run(program, **options)
    assert (ended["state"], ended["exit_code"]) == ("ended", 0), ended
    assert len(traced) == ended["events"] > 0
    assert ended["command"].startswith(f"docker compose run --rm client {program} ")
    if program == "pipeline":
        assert (ended["ledger"]["recorded"], ended["ledger"]["lost"]) == (20, 0)


def test_a_fault_that_the_page_sets_is_what_a_run_meets(page: Page) -> None:
    """The site is another container."""
    path = "/api/sites/www.163.com/faults"
    assert page.ask("PUT", path, {"faults": [{"fault": "rst_at", "bytes": 40}]})[0] == 200
    try:
        _, ended = page.run("wget", targets=["www.163.com"])
        assert ended["exit_code"] == 4
    finally:
        assert page.ask("DELETE", path)[0] == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=["Host", "Origin", "Sec-Fetch-Site"],
)
def test_the_published_port_answers_no_page_of_another_site(page: Page, fields: dict[str, str], status: int) -> None:
    """The gateway passes bytes on; the server checks."""
    assert page.raw("GET", "/api/state", None, fields)[0] == status


def test_a_site_that_is_away_is_said_to_be_and_is_there_again(stack: Stack, page: Page) -> None:
    """The others go on; the lab itself is well."""
    stream = page.events()
    assert next(stream)[0] == "state"
    stack.run_compose("stop", "--timeout", "1", "sohu")
    try:
        assert set(troubles(stream)) == {"www.sohu.com"}
    finally:
        stack.run_compose("start", "sohu")
    while troubles(stream):
        pass
    assert page.ask("GET", "/api/state")[1]["lab"]["healthy"]


def troubles(stream: Iterator[tuple[str, Any]]) -> dict[str, str]:
    """Return what the next event about the sites says is wrong, by host."""
    sites = next(data["sites"] for name, data in stream if name == "sites")
    return {each["host"]: each["trouble"] for each in sites if each["trouble"]}


def test_up_says_where_the_page_is(stack: Stack, page: Page) -> None:
    """In its last line."""
    command = [str(Path(sys.executable).parent / "lab"), "up", "--project", stack.project]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, env=os.environ)
    assert said.stderr.splitlines()[-1].endswith(f"or http://{page.at}/ in a browser")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_run_has_a_report(page: Page, language: str) -> None:
    """The client in the same image makes it."""
    _, ended = page.run("hello", users=3)
    status, html = page.raw("GET", f"/api/runs/{ended['id']}/report?lang={language}")
    assert status == 200, html
    assert f'lang="{language}'.encode() in html
