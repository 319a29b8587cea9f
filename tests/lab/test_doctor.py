"""What the doctor finds, what it advises, and when it says that even `make demo` cannot work."""

import os
import resource
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

import pytest

from lab import ROOT, doctor
from lab.bench.harness.output import terminal
from lab.docker import base_image, engine, packages
from lab.docker.packages import Host
from lab.doctor import Finding
from lab.embedded import broker
from lab.errors import LabError
from lab.settings import parse, read
from lab.subprocesses import Outcome
from services.runtime.errors import OutputClosed, OutputFailed
from tests.lab import answers
from tests.lab.answers import Programs

ROWS = [
    "Docker client",
    "Docker engine",
    "Compose",
    "buildx",
    "Registry",
    "Base image",
    "Python",
    "aiohttp",
    "uvloop",
    "nats-server",
    "Open files",
    "Free disk",
]
WELL = {
    "nats-server --version": Outcome(0, "nats-server: v2.15.1\n"),
    "docker --version": answers.CLIENT_28,
    "docker info": answers.WORKS,
    "docker manifest inspect": answers.MANIFEST,
    "docker image inspect": answers.IMAGE,
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Debian 12 where the person is root, without a daemon."""
    monkeypatch.setattr(packages, "host", lambda: Host("debian", 12.0, is_root=True, has_systemd=False))
    monkeypatch.setattr(engine, "_has_daemon", lambda: False)
    monkeypatch.setattr(broker, "find_program", lambda: broker.PROGRAM)


def rows(programs: Programs, tmp_path: Path) -> dict[str, Finding]:
    """All findings by name."""
    settings, unread = parse(tmp_path, {}, {}), None
    try:
        settings = read(tmp_path, {})
    except LabError as error:
        unread = error
    findings = doctor.examine(settings, unread=unread, run=programs)
    return {finding.what: finding for finding in findings}


def test_a_machine_that_has_all_lacks_nothing(tmp_path: Path) -> None:
    """One row each, in the order of the table, with what was found."""
    found = rows(Programs(WELL), tmp_path)
    assert list(found) == ROWS
    docker = [found[what].found for what in ROWS[:6]]
    assert docker == [
        "28.2.2",
        "26.1.5+dfsg1",
        "2.26.1",
        "0.13.1",
        "reachable",
        f"{base_image.DEFAULT_IMAGE} (sha256:c000ab910726)",
    ]
    assert [found[what].lack for what in ROWS[:6]] == [""] * 6


LACKS = {
    "no engine": ({"docker info": answers.NO_ENGINE}, "Docker engine", "`make up` installs containerd runc"),
    "old engine": ({"docker info": answers.OLD_ENGINE}, "Docker engine", "25 or newer gives it none"),
    "no Compose": ({"docker info": answers.NO_COMPOSE}, "Compose", "`make up` installs docker-compose"),
    "old Compose": ({"docker info": answers.OLD_COMPOSE}, "Compose", "upgrade the Compose plugin"),
    "no buildx": ({"docker info": answers.NO_COMPOSE}, "buildx", "install docker-buildx"),
    "denied": ({"docker info": answers.DENIED}, "Docker engine", "usermod -aG docker"),
    "silent": ({"docker info": answers.SILENT}, "Docker engine", "restart it"),
    "no such context": ({"docker info": answers.NO_CONTEXT}, "Docker engine", "correct DOCKER_HOST"),
    "no registry": ({"docker manifest inspect": answers.NO_REGISTRY}, "Registry", "from Debian packages"),
    "no base": ({"docker image inspect": answers.NO_IMAGE}, "Base image", "`make up` pulls it"),
}


@pytest.mark.parametrize(("outcomes", "what", "advice"), LACKS.values(), ids=LACKS)
def test_a_missing_program_comes_with_its_remedy(
    tmp_path: Path, outcomes: dict[str, Outcome], what: str, advice: str
) -> None:
    """A lack of Docker does not stop the demo, which needs none."""
    found = rows(Programs(WELL | outcomes), tmp_path)
    assert advice in found[what].lack
    assert not any(finding.stops_demo for finding in found.values())


@pytest.mark.parametrize("info", [answers.SILENT, answers.NO_CONTEXT, answers.DENIED], ids=["silent", "none", "denied"])
def test_an_engine_that_cannot_be_asked_is_not_called_missing(tmp_path: Path, info: Outcome) -> None:
    """It is unknown, and the engine's row says why."""
    found = rows(Programs(WELL | {"docker info": info}), tmp_path)
    assert list(found) == ROWS
    assert "missing" not in {found[what].found for what in ROWS[:4]}
    assert found["Docker engine"].found.startswith("the Docker ")


def test_a_machine_without_docker_has_all_rows(tmp_path: Path) -> None:
    """Without a client the registry is not asked, and the row says so."""
    found = rows(Programs({}), tmp_path)
    assert list(found) == ROWS
    assert found["Registry"].found == "not asked"


def test_a_broken_env_file_is_a_finding(tmp_path: Path) -> None:
    """The doctor never raises an error: it is called when something is broken already."""
    (tmp_path / ".env").write_text("hm\n")
    found = rows(Programs(WELL), tmp_path)
    assert "line 1 is not KEY=VALUE" in found["Base image"].found
    assert found["Base image"].lack


def test_a_check_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One check's defect must not hide the others' rows."""

    def broken(limit: int) -> tuple[int, int]:
        raise OSError("no such limit")

    monkeypatch.setattr(resource, "getrlimit", broken)
    found = rows(Programs(WELL), tmp_path)
    assert found["Open files"].found == "unknown"
    assert "no such limit" in found["Open files"].lack


def test_a_low_limit_names_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The limit, and the command that raises it."""
    monkeypatch.setattr(resource, "getrlimit", lambda limit: (1024, 524288))
    found = rows(Programs(WELL), tmp_path)["Open files"]
    assert found.found == "1,024 (at most 524,288)"
    assert "ulimit -n" in found.lack


def test_looks_at_everything_at_once(tmp_path: Path) -> None:
    """Registry, base image and engine: each answers only when the other two have been asked as well."""
    together = threading.Barrier(3, timeout=30)
    slow = {"docker info", "docker manifest", "docker image"}

    class Meeting(Programs):
        def __call__(self, command: Sequence[str], *, timeout_s: float, cwd: Path | None = None) -> Outcome:
            if " ".join(command[:2]) in slow:
                together.wait()
            return super().__call__(command, timeout_s=timeout_s, cwd=cwd)

    found = rows(Meeting(WELL), tmp_path)
    assert found["Registry"].found == "reachable"
    assert found["Base image"].found.startswith(base_image.DEFAULT_IMAGE)
    assert found["Docker engine"].found == "26.1.5+dfsg1"


def test_a_broker_that_is_missing_or_broken_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only one edition of the pipeline needs it."""
    assert rows(Programs(WELL), tmp_path)["nats-server"] == Finding("nats-server", "2.15.1")
    broken = rows(Programs({**WELL, "nats-server --version": Outcome(126)}), tmp_path)["nats-server"]
    assert (broken.found, broken.stops_demo) == ("unknown", False)
    assert broken.lack == "it does not start: remove nats-server, then `make setup`"
    monkeypatch.setattr(broker, "find_program", lambda: None)
    missing = rows(Programs(WELL), tmp_path)["nats-server"]
    assert (missing.found, missing.stops_demo) == ("missing", False)
    assert "`make setup`" in missing.lack


@pytest.mark.parametrize(("missing", "code"), [("uvloop", 0), ("aiohttp", 1)])
def test_exit_code_says_whether_the_demo_can_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str, code: int
) -> None:
    """uvloop is a choice; without aiohttp there is no lab."""

    def version(name: str) -> str:
        if name == missing:
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", version)
    settings = parse(ROOT, {}, {})
    findings = doctor.examine(settings, run=Programs(WELL))
    monkeypatch.setattr(doctor, "examine", lambda *_, **__: findings)
    assert doctor.doctor(settings, more=[Finding("Warm up", "4.1 s")]) == code
    table = capsys.readouterr().out
    assert "missing" in table
    assert "Warm up" in table


def test_draws_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """The output of programs is text, never mark-up."""
    doctor.draw([Finding("Docker [bold]client[/bold]", "28 [red]")], title="T")
    table = capsys.readouterr().out
    assert "[bold]client[/bold]" in table
    assert "28 [red]" in table


def test_output_of_a_program_is_shown_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters are escaped; lines stay lines."""
    doctor.draw([Finding("Docker", "one\x1b[2J\ntwo\u202e", "three\x9b")], title="T")
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.splitlines())
    assert all(each in out for each in (r"one\x1b[2J", r"two\u202e", r"three\x9b"))


@pytest.mark.parametrize("draw", [doctor.draw, terminal.draw], ids=["doctor", "bench"])
def test_a_table_that_cannot_be_written_is_one_line(
    draw: Callable[[Sequence[object]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As all data that goes to stdout: exit 3, and no traceback."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OutputFailed, match="No space left"):
            draw([])


@pytest.mark.parametrize("draw", [doctor.draw, terminal.draw], ids=["doctor", "bench"])
def test_a_table_whose_reader_has_ended_ends_the_program_as_all_output_does(
    draw: Callable[[Sequence[object]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `| head`: exit 0, without a word. By itself, rich ends a program with exit code 1."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as unread:
        monkeypatch.setattr(sys, "stdout", unread)
        with pytest.raises(OutputClosed):
            draw([])


def test_a_narrow_terminal_shows_every_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A remedy must not be cut."""
    monkeypatch.setattr(doctor, "PIPE_COLUMNS", 40)
    doctor.draw([Finding("Docker client", "missing", "install docker-compose-plugin-of-this-machine")])
    cells = "".join(line.rsplit("│", 2)[1].strip() for line in capsys.readouterr().out.splitlines() if "│" in line)
    assert cells == "installdocker-compose-plugin-of-this-machine"
