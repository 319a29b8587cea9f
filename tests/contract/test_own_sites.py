"""Your own sites: what is recorded is reached by its name, embedded and in Compose, with no edit to YAML."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab import ROOT
from lab.compose.stack import Stack
from tests.contract.conftest import LAB, Result
from tests.stacks import reread

MINE = b"HTTP/1.1 200 OK\r\nX-Mine: %s\r\nContent-Length: 0\r\n\r\n"
HOSTS = [f"h{n}.example" for n in range(1, 201)]


def record(directory: Path, *hosts: str) -> Path:
    """Make a recording of each host that names it."""
    directory.mkdir(exist_ok=True)
    for host in hosts:
        (directory / f"{host}.http").write_bytes(MINE % host.encode())
    return directory


def run_lab(*words: str, **variables: str) -> Result:
    """Run a command of the lab, with these variables in its environment."""
    return subprocess.run(
        [LAB, *words], cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, timeout=60, check=False
    )


def test_two_hundred_recorded_hosts_answer_embedded(tmp_path: Path) -> None:
    """Each with its own bytes, beside those that the lab brings along."""
    record(tmp_path, *HOSTS)
    result = run_lab("embedded", "wget", *HOSTS, "www.sohu.com", LAB_RECORDINGS=str(tmp_path))
    assert result.returncode == 0, result.stderr
    for host in HOSTS:
        assert f"{host} header > X-Mine: {host}\n" in result.stdout
    assert "www.sohu.com header > Server: SWS\n" in result.stdout


def test_a_recording_replaces_the_one_that_the_lab_brings_along_embedded(tmp_path: Path) -> None:
    """A person's recording of www.163.com comes before the lab's."""
    record(tmp_path, "www.163.com")
    result = run_lab("embedded", "wget", "www.163.com", LAB_RECORDINGS=str(tmp_path))
    assert "www.163.com header > X-Mine: www.163.com\n" in result.stdout


@pytest.mark.parametrize(
    ("name", "content"), [("a b.http", MINE), ("a.example.http", b"junk\n")], ids=["name", "content"]
)
def test_a_recording_that_cannot_be_played_is_one_line_and_exit_3(tmp_path: Path, name: str, content: bytes) -> None:
    """The line names the file."""
    (tmp_path / name).write_bytes(content)
    result = run_lab("embedded", "wget", LAB_RECORDINGS=str(tmp_path))
    assert result.returncode == 3
    assert name in result.stderr
    assert "Traceback" not in result.stderr


def test_a_directory_that_is_not_there_is_one_line_and_exit_3(tmp_path: Path) -> None:
    """A mistake in its name is found at once."""
    result = run_lab("embedded", "wget", LAB_RECORDINGS=str(tmp_path / "typo"))
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == (
        f"lab embedded: {tmp_path}/typo does not exist, and LAB_RECORDINGS names it: correct it or leave it out\n"
    )


def test_lab_record_writes_where_the_lab_looks(tmp_path: Path) -> None:
    """What `lab embedded record` takes from the lab, `lab embedded wget` gets back under its new name."""
    kept = tmp_path / "kept"
    result = run_lab("embedded", "record", "www.sina.com.cn", "-o", str(kept), "--name", "mine.example")
    assert result.returncode == 0, result.stderr
    again = run_lab("embedded", "record", "mine.example", "-o", "-", LAB_RECORDINGS=str(kept))
    assert again.stdout == (kept / "mine.example.http").read_text()
    refused = run_lab("record", "http://127.0.0.1:9/", "--name", "mine.example", LAB_RECORDINGS=str(kept))
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "mine.example.toml is there already" in refused.stderr


def running(stack: Stack) -> dict[str, str]:
    """Return the container of each service that has one."""
    found = stack.client().compose.ps()
    return {(each.config.labels or {})["com.docker.compose.service"]: each.id for each in found}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Return the services whose containers are not the same."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def header(stack: Stack, host: str) -> str:
    """Return what the client prints of a host."""
    result = stack.run_client(["wget", host])
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.docker
@pytest.mark.timeout(300)
def test_the_lab_in_containers_follows_the_directory(own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up, up again, one more, one replaced, none: only containers that a recording concerns start again."""
    monkeypatch.delenv("LAB_RECORDINGS", raising=False)
    root = own_stack.root
    directory = record(root / "recordings", *HOSTS)
    reread(own_stack).up(print)
    first = running(own_stack)
    assert "X-Mine: h200.example" in header(own_stack, "h200.example")

    reread(own_stack).up(print)
    assert running(own_stack) == first

    record(directory, "new.example", "www.163.com")
    reread(own_stack).up(print)
    second = running(own_stack)
    assert changed(first, second) == {"recorded", "netease", "gateway"}
    assert "X-Mine: new.example" in header(own_stack, "new.example")
    assert "X-Mine: www.163.com" in header(own_stack, "www.163.com")

    (directory / "new.example.http").write_bytes(MINE % b"newer")
    reread(own_stack).up(print)
    assert running(own_stack) == second
    while "X-Mine: newer" not in header(own_stack, "new.example"):
        pass  # the site looks at its directory each second; the test has a deadline

    plain = ["docker", "compose", "-p", own_stack.project, "run", "--rm", "-T", "client", "wget", "h1.example"]
    environment = {name: value for name, value in os.environ.items() if name != "COMPOSE_FILE"}
    result = subprocess.run(plain, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert "X-Mine: h1.example" in result.stdout, result.stderr
    assert running(own_stack) == second

    shutil.rmtree(directory)
    reread(own_stack).up(print)
    assert changed(second, running(own_stack)) == {"recorded", "netease", "gateway"}
    assert "recorded" in running(own_stack)  # it takes plays, too
    assert "Server: Cdn Cache Server V2.0" in header(own_stack, "www.163.com")
