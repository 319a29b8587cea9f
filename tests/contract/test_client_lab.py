"""`client --lab URL` from the host: every command, embedded and through the gateway of Compose."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from asynclab import Lab, Site
from lab import ROOT
from tests.contract.conftest import Result
from tests.sites.target import KEEP
from tests.tutorial import HEADS, check_wget, printed_head

TUTORIAL_HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")
ENDINGS = {
    "rst_at --bytes 40": "reset",
    "rst_at --bytes 0": "reset",
    "fin_at --bytes 40": "truncated_head",
    "fin_at --bytes 0": "closed",
    "refuse": "refused",
    "accept_then_close": "closed",
    "stall_at --bytes 40": "head_timeout",
    "garbage --bytes 300": "not_http",
}


def run_client(url: str, *words: str, loop: str = "asyncio", cwd: Path = ROOT) -> Result:
    """Run the client on the host, as a person does."""
    command = [sys.executable, "-m", "services.client", *words, "--lab", url, "--loop", loop]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def done(url: str, *words: str, loop: str = "asyncio", cwd: Path = ROOT) -> str:
    """Return what a command prints that does all that it is asked."""
    result = run_client(url, *words, loop=loop, cwd=cwd)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def api(joined: Lab) -> Iterator[Site]:
    """Play a host that is recorded nowhere; the lab is put back after the test."""
    yield joined.play("api.example", KEEP)  # noqa: PT022 - `joined` has the end


def test_wget_prints_every_recorded_head(lab_url: str, loop: str) -> None:
    """To the byte, as inside the lab."""
    check_wget(done(lab_url, "wget", loop=loop), *TUTORIAL_HOSTS)


@pytest.mark.parametrize("host", HEADS)
def test_one_host_gives_its_recorded_head(lab_url: str, host: str) -> None:
    """By its name."""
    assert done(lab_url, "wget", host) == f"wget {host}...\n{printed_head(host)}"


def record_of(url: str, target: str) -> Mapping[str, Any]:
    """Return the survey's record of one target."""
    words = ("wget", "--format", "jsonl", "-q", "-o", "-", "--head-timeout", "1", "--ca", "lab", target)
    record: Mapping[str, Any] = json.loads(run_client(url, *words).stdout)
    return record


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_host_that_is_there_by_a_play_is_fetched(lab_url: str, api: Site, scheme: str) -> None:
    """With a certificate of the lab's CA for its name."""
    record = record_of(lab_url, f"{scheme}://{api.host}/")
    assert (record["status"], record["error"]) == (200, None)
    api.verify(count=1, tls=scheme == "https")


@pytest.mark.parametrize("fault", ENDINGS)
def test_a_fault_is_set_met_and_cleared(lab_url: str, joined: Lab, fault: str) -> None:
    """The record has the error that it would have inside the lab; a RST is no FIN."""
    host = "www.163.com"
    assert done(lab_url, "faults", "set", host, *fault.split())
    assert fault.split(maxsplit=1)[0] in done(lab_url, "faults", "list", host)
    assert record_of(lab_url, host)["error"] == ENDINGS[fault]
    assert done(lab_url, "faults", "clear", host)
    assert record_of(lab_url, host)["error"] is None
    assert joined.site(host).faults() == []


def test_the_journal_is_shown_verified_and_begun_anew(lab_url: str, api: Site) -> None:
    """Of a host that is there by a play; a verdict that fails has exit code 1."""
    done(lab_url, "journal", api.host, "--clear")
    record_of(lab_url, f"http://{api.host}/x")
    entries = json.loads(done(lab_url, "journal", api.host, "--format", "json"))["entries"]
    assert [(each["target"], each["status"], each["ended"]) for each in entries] == [("/x", 200, "fin")]
    expected = json.dumps({"expect": [{"match": {"target": "/x"}, "count": 1}]})
    assert run_client(lab_url, "journal", api.host, "--verify", expected).returncode == 0
    assert run_client(lab_url, "journal", api.host, "--verify", expected.replace("/x", "/y")).returncode == 1
    done(lab_url, "journal", api.host, "--clear")
    assert json.loads(done(lab_url, "journal", api.host, "--format", "json"))["entries"] == []


@pytest.mark.parametrize("what", ["wget", "hello"])
def test_compare_measures_and_leaves_the_sites_as_they_were(lab_url: str, joined: Lab, what: str) -> None:
    """All at once takes a fraction of the time."""
    joined.site("www.sohu.com").fault("status", status=503, every=2)
    before = [joined.site(host).faults() for host in TUTORIAL_HOSTS]
    found = json.loads(done(lab_url, "compare", what, "--format", "json"))
    assert (found["what"], found["ratio"] > 1.5) == (what, True)
    assert [joined.site(host).faults() for host in TUTORIAL_HOSTS] == before


def test_hello_answers_many_users(lab_url: str, loop: str) -> None:
    """Through the gateway as beside it."""
    figures = done(lab_url, "hello", "--users", "50", loop=loop)
    assert re.search(r"^answered +50$", figures, re.MULTILINE)


def test_record_keeps_what_was_sent(lab_url: str, api: Site, tmp_path: Path) -> None:
    """To the byte."""
    done(lab_url, "record", f"http://{api.host}/", "-o", str(tmp_path), "--name", "kept.example")
    assert (tmp_path / "kept.example.http").read_bytes() == KEEP


@pytest.mark.parametrize(
    "words", [("wget", "no.such.host"), ("faults", "list", "no.such.host"), ("journal", "no.such.host")], ids=" ".join
)
def test_a_host_that_is_not_there_is_one_line_and_exit_4(lab_url: str, words: tuple[str, ...]) -> None:
    """The line names it."""
    result = run_client(lab_url, *words)
    said = [line for line in result.stderr.splitlines() if "no.such.host" in line]
    assert (result.returncode, len(said)) == (4, 1), result.stderr
    assert "Traceback" not in result.stderr
