"""From the findings about a machine to the steps that give it an engine. No test here runs apt or Docker."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab import ROOT
from lab.docker import engine, packages
from lab.docker.engine import InstallPlan, Probe
from lab.docker.errors import (
    ComposeMissing,
    ComposeTooOld,
    EngineDenied,
    EngineMissing,
    EngineNotAllowed,
    EngineSettingUnknown,
    EngineUnreachable,
)
from lab.docker.packages import Host, PackageSet
from lab.errors import LabError
from lab.settings import parse, read
from lab.subprocesses import NOT_FOUND, Outcome
from tests.lab import answers
from tests.lab.answers import Programs

DEBIAN_12_OWN = ("containerd", "runc", "tini", "iptables")
DEBIAN_12 = Host("debian", 12.0, is_root=True, has_systemd=False)
DEBIAN_13 = Host("debian", 13.0, is_root=True, has_systemd=True)
UBUNTU = Host("ubuntu", 24.04, is_root=True, has_systemd=True)
A_PERSON = Host("debian", 12.0, is_root=False, has_systemd=True)
MAC = Host("darwin", float("inf"), is_root=False, has_systemd=False)

WORKS = Probe(client="28.2.2", engine="20.10.24", compose="2.26.1", buildx="0.13.1", daemon_installed=True)
NOTHING = Probe()
CLIENT_ONLY = Probe(client="28.2.2")
OFF = Probe(client="28.2.2", compose="2.26.1", buildx="0.13.1", daemon_installed=True)
NO_COMPOSE = Probe(client="28.2.2", engine="20.10.24", daemon_installed=True)

FOUND = {
    "all works": (answers.WORKS, {}, Probe("28.2.2", "26.1.5+dfsg1", "2.26.1", "0.13.1")),
    "no plugin": (answers.NO_COMPOSE, {}, Probe("28.2.2", "26.1.5+dfsg1")),
    "a plugin that does not start": (
        answers.BROKEN_COMPOSE,
        {},
        Probe("28.2.2", "26.1.5+dfsg1", None, "0.13.1"),
    ),
    "engine off": (answers.ENGINE_OFF, {}, Probe("28.2.2", None, "2.26.1", "0.13.1")),
    "not our user": (answers.DENIED, {}, Probe("28.2.2", None, "2.26.1", "0.13.1", denied=True)),
    "not our user, older client": (answers.DENIED_20, {}, Probe("28.2.2", denied=True)),
    "another host": (
        answers.NO_ENGINE,
        {"DOCKER_HOST": "tcp://far.example:2375"},
        Probe("28.2.2", elsewhere="tcp://far.example:2375"),
    ),
    "our own socket by name": (
        answers.NO_ENGINE,
        {"DOCKER_HOST": "unix:///run/docker.sock"},
        Probe("28.2.2"),
    ),
    "another context": (
        answers.OTHER_CONTEXT,
        {},
        Probe("28.2.2", None, "2.26.1", "0.13.1", elsewhere="the context 'far-away'"),
    ),
    "gibberish": (Outcome(1, "Segmentation fault"), {}, Probe("28.2.2", reason="Segmentation fault")),
    "no such context": (answers.NO_CONTEXT, {}, Probe("28.2.2", reason=answers.NO_CONTEXT.err.strip())),
    "no answer": (answers.SILENT, {}, Probe("28.2.2", silent_after_s=engine.PROBE_TIMEOUT_S)),
    "not our user, named": (
        answers.DENIED,
        {"DOCKER_HOST": "unix:///srv/docker.sock"},
        Probe("28.2.2", None, "2.26.1", "0.13.1", denied=True, elsewhere="unix:///srv/docker.sock"),
    ),
}

PLANS = {
    "works: left alone": (WORKS, DEBIAN_12, InstallPlan()),
    "works for a person: left alone": (WORKS, A_PERSON, InstallPlan()),
    "works without buildx: left alone": (
        Probe(client="28.2.2", engine="28.2.2", compose="2.40.0"),
        DEBIAN_13,
        InstallPlan(),
    ),
    "works elsewhere: left alone": (
        Probe(client="28.2.2", engine="28.2.2", compose="2.40.0", elsewhere="tcp://far.example:2375"),
        MAC,
        InstallPlan(),
    ),
    "bare Debian 12": (
        NOTHING,
        DEBIAN_12,
        InstallPlan(
            PackageSet(own=DEBIAN_12_OWN, newer=("docker.io", "docker-cli", "docker-compose", "docker-buildx")),
            start=True,
        ),
    ),
    "Debian 12 with a client of its own": (
        CLIENT_ONLY,
        DEBIAN_12,
        InstallPlan(
            PackageSet(own=DEBIAN_12_OWN, newer=("docker.io", "docker-cli", "docker-compose", "docker-buildx")),
            start=True,
        ),
    ),
    "bare Debian 13": (
        NOTHING,
        DEBIAN_13,
        InstallPlan(PackageSet(own=("docker.io", "docker-cli", "docker-compose", "docker-buildx")), start=True),
    ),
    "Debian without a number yet": (
        NOTHING,
        Host("debian", float("inf"), is_root=True, has_systemd=True),
        InstallPlan(PackageSet(own=("docker.io", "docker-cli", "docker-compose", "docker-buildx")), start=True),
    ),
    "bare Ubuntu": (
        NOTHING,
        UBUNTU,
        InstallPlan(PackageSet(own=("docker.io", "docker-compose-v2", "docker-buildx")), start=True),
    ),
    "installed, not running": (OFF, DEBIAN_12, InstallPlan(start=True)),
    "running, no Compose": (
        NO_COMPOSE,
        DEBIAN_12,
        InstallPlan(PackageSet(newer=("docker-compose", "docker-buildx"))),
    ),
}

REFUSALS = {
    "Compose too old": (Probe("28.2.2", "28.2.2", "2.17.3"), DEBIAN_12, True, ComposeTooOld),
    "a person": (NOTHING, A_PERSON, True, EngineMissing),
    "a person, engine off": (OFF, A_PERSON, True, EngineMissing),
    "a Mac": (NOTHING, MAC, True, EngineMissing),
    "Debian 11": (NOTHING, Host("debian", 11.0, is_root=True, has_systemd=True), True, EngineMissing),
    "no Compose, a person": (NO_COMPOSE, A_PERSON, True, ComposeMissing),
    "forbidden": (NOTHING, DEBIAN_12, False, EngineNotAllowed),
    "forbidden, engine off": (OFF, DEBIAN_12, False, EngineNotAllowed),
    "forbidden, no Compose": (NO_COMPOSE, DEBIAN_12, False, EngineNotAllowed),
    "elsewhere": (Probe("28.2.2", elsewhere="tcp://far.example:2375"), DEBIAN_12, True, EngineUnreachable),
    "not our user": (Probe("28.2.2", denied=True), A_PERSON, True, EngineDenied),
}


@pytest.mark.parametrize(("info", "environ", "expected"), FOUND.values(), ids=FOUND)
def test_reads_what_docker_says(
    monkeypatch: pytest.MonkeyPatch, info: Outcome, environ: Mapping[str, str], expected: Probe
) -> None:
    """One look finds versions, the reason why there is no engine, and where the client is pointed."""
    monkeypatch.setattr(engine, "_has_daemon", lambda: False)
    programs = Programs({"docker --version": answers.CLIENT_28, "docker info": info})
    assert engine.probe(parse(ROOT, environ, {}), run=programs) == expected


def test_no_client_is_an_empty_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Docker is no error; `decide` begins with it."""
    monkeypatch.setattr(engine, "_has_daemon", lambda: False)
    monkeypatch.setattr(engine, "_is_listening", lambda: False)
    assert engine.probe(parse(ROOT, {}, {}), run=Programs({})) == NOTHING


@pytest.mark.parametrize(("found", "host", "plan"), PLANS.values(), ids=PLANS)
def test_decides_what_to_do(found: Probe, host: Host, plan: InstallPlan) -> None:
    """A part that works is not changed; a missing part is installed, and nothing else."""
    assert engine.decide(found, host, allowed=True) == plan


@pytest.mark.parametrize(("found", "host", "allowed", "error"), REFUSALS.values(), ids=REFUSALS)
def test_refuses_in_one_line_that_says_what_to_do(
    found: Probe, host: Host, allowed: bool, error: type[LabError]
) -> None:
    """Where nothing can be done there is one line, exit code 2, and the way to the lab without Docker."""
    with pytest.raises(error) as caught:
        engine.decide(found, host, allowed=allowed)
    line = str(caught.value)
    assert "\n" not in line
    assert "make demo" in line
    assert caught.value.exit_code == 2


def test_what_works_is_left_alone_even_where_installing_is_forbidden() -> None:
    """LAB_ENGINE=never forbids changes of the machine, not the use of its engine."""
    assert engine.decide(WORKS, DEBIAN_12, allowed=False) == InstallPlan()


@pytest.mark.parametrize(
    ("environ", "text", "allowed"),
    [
        ({}, "", True),
        ({"LAB_ENGINE": "auto"}, "", True),
        ({"LAB_ENGINE": "never"}, "", False),
        ({}, "LAB_ENGINE=never\n", False),
        ({"LAB_ENGINE": "auto"}, "LAB_ENGINE=never\n", True),
    ],
    ids=["unset", "auto", "never", "never in .env", "the environment wins"],
)
def test_reads_the_setting(tmp_path: Path, environ: Mapping[str, str], text: str, allowed: bool) -> None:
    """LAB_ENGINE is auto unless the environment or `.env` says never."""
    (tmp_path / ".env").write_text(text)
    assert engine.installing_allowed(read(tmp_path, environ)) is allowed


def test_refuses_an_unknown_setting(tmp_path: Path) -> None:
    """A misspelt `nevr` must not install anything."""
    with pytest.raises(EngineSettingUnknown, match="nevr"):
        engine.installing_allowed(read(tmp_path, {"LAB_ENGINE": "nevr"}))


@pytest.mark.parametrize(
    ("version", "enough"),
    [("2.20.0", True), ("2.26.1-4", True), ("5.0.1", True), ("2.9.0", False), ("1.29.2", False)],
)
def test_compares_versions_as_numbers(version: str, enough: bool) -> None:
    """2.9 is older than 2.20, and packagers add suffixes."""
    assert engine.at_least(version, engine.COMPOSE_NEEDED) is enough


def test_a_working_engine_is_not_mentioned(tmp_path: Path) -> None:
    """A second `make up` prints nothing about it, and asks Docker twice at most."""
    programs = Programs({"docker --version": answers.CLIENT_28, "docker info": answers.WORKS})
    said: list[str] = []
    engine.ensure(said.append, read(tmp_path, {}), run=programs)
    assert said == []
    assert len(programs.ran) == 2


def test_installs_what_is_missing_and_looks_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a bare machine: one line, the packages, and a second look that finds them."""
    monkeypatch.setattr(engine, "_has_daemon", lambda: True)
    monkeypatch.setattr(packages, "host", lambda: UBUNTU)
    installed: list[PackageSet] = []

    def install(wanted: PackageSet, *, run: Programs) -> None:
        installed.append(wanted)

    monkeypatch.setattr(packages, "install", install)
    programs = Programs(
        {
            "docker --version": [Outcome(NOT_FOUND), answers.CLIENT_28],
            "docker info": answers.WORKS,
            "docker version": Outcome(0, "26.1.5+dfsg1\n"),
        }
    )
    said: list[str] = []
    engine.ensure(said.append, read(tmp_path, {}), run=programs)
    assert [each.packages for each in installed] == [("docker.io", "docker-compose-v2", "docker-buildx")]
    assert len(said) == 1
    assert "docker.io docker-compose-v2 docker-buildx" in said[0]


def test_says_so_when_the_client_does_not_find_what_was_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An installation that leads to nothing must not pass for a success."""
    monkeypatch.setattr(packages, "host", lambda: DEBIAN_12)
    monkeypatch.setattr(packages, "install", lambda wanted, *, run: None)
    programs = Programs({"docker --version": answers.CLIENT_28, "docker info": answers.NO_COMPOSE})
    with pytest.raises(ComposeMissing, match="does not find"):
        engine.ensure(lambda line: None, read(tmp_path, {}), run=programs)


def test_importing_the_control_room_is_cheap() -> None:
    """`lab embedded` starts in well under a second, so nothing heavy is imported before it is needed."""
    heavy = {"dotenv", "pydantic", "python_on_whales", "rich"}
    code = f"import sys, lab.docker.base_image, lab.doctor, lab.docker.engine; print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
