"""An engine that refuses, is silent or is elsewhere is not called absent. No test here touches apt or Docker."""

from pathlib import Path

import pytest

from lab import ROOT
from lab.docker import engine, packages
from lab.docker.errors import (
    ComposeMissing,
    ComposeTooOld,
    DockerClientFails,
    DockerClientMissing,
    DockerMissing,
    EngineDenied,
    EngineSilent,
    EngineStopped,
    EngineUnreachable,
)
from lab.docker.packages import Host
from lab.errors import LabError
from lab.settings import parse, read
from lab.subprocesses import Outcome
from tests.lab import answers
from tests.lab.answers import Programs

DEBIAN_12 = Host("debian", 12.0, is_root=True, has_systemd=False)

STATES: dict[str, tuple[dict[str, Outcome], dict[str, str], bool, bool, type[LabError] | None]] = {
    "works": ({"docker info": answers.WORKS}, {}, True, True, None),
    "refused": ({"docker info": answers.DENIED}, {}, True, True, EngineDenied),
    "refused, older client": ({"docker info": answers.DENIED_20}, {}, True, True, EngineDenied),
    "refused at a socket that was named": (
        {"docker info": answers.DENIED},
        {"DOCKER_HOST": "unix:///srv/docker.sock"},
        False,
        False,
        EngineDenied,
    ),
    "dead DOCKER_HOST": (
        {"docker info": answers.NO_ENGINE},
        {"DOCKER_HOST": "tcp://127.0.0.1:1"},
        True,
        True,
        EngineUnreachable,
    ),
    "dead context": ({"docker info": answers.OTHER_CONTEXT}, {}, False, False, EngineUnreachable),
    "no such context": ({"docker info": answers.NO_CONTEXT}, {}, True, True, DockerClientFails),
    "silent": ({"docker info": answers.SILENT}, {}, True, True, EngineSilent),
    "stopped": ({"docker info": answers.ENGINE_OFF}, {}, True, False, EngineStopped),
    "no Compose": ({"docker info": answers.NO_COMPOSE}, {}, True, True, ComposeMissing),
    "old Compose": ({"docker info": answers.OLD_COMPOSE}, {}, True, True, ComposeTooOld),
    "a client and no engine at all": ({"docker info": answers.ENGINE_OFF}, {}, False, False, DockerMissing),
    "no client, an engine that listens": ({}, {}, False, True, DockerClientMissing),
    "no client, an engine that is stopped": ({}, {}, True, False, DockerClientMissing),
    "no client, an engine elsewhere": ({}, {"DOCKER_HOST": "tcp://far.test:1"}, False, False, DockerClientMissing),
    "nothing at all": ({}, {}, False, False, DockerMissing),
}


@pytest.mark.parametrize(("outcomes", "environ", "installed", "listening", "error"), STATES.values(), ids=STATES)
def test_refused_is_told_from_absent(
    monkeypatch: pytest.MonkeyPatch,
    outcomes: dict[str, Outcome],
    environ: dict[str, str],
    installed: bool,
    listening: bool,
    error: type[LabError] | None,
) -> None:
    """Only where it is certain that no engine is here or elsewhere is there no lab."""
    monkeypatch.setattr(engine, "_has_daemon", lambda: installed)
    monkeypatch.setattr(engine, "_is_listening", lambda: listening)
    client = {"docker --version": answers.CLIENT_28} if outcomes else {}
    programs = Programs(client | outcomes)
    if error is None:
        engine.require(parse(ROOT, environ, {}), run=programs)
    else:
        with pytest.raises(error) as caught:
            engine.require(parse(ROOT, environ, {}), run=programs)
        assert type(caught.value) is error
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("info", [answers.SILENT, answers.NO_CONTEXT, answers.DENIED], ids=["silent", "none", "denied"])
def test_nothing_is_installed_or_started_where_an_engine_may_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, info: Outcome
) -> None:
    """A second daemon beside one that hangs would take its data."""
    monkeypatch.setattr(packages, "host", lambda: DEBIAN_12)
    monkeypatch.setattr(engine, "_has_daemon", lambda: True)
    programs = Programs({"docker --version": answers.CLIENT_28, "docker info": info})
    with pytest.raises((EngineSilent, DockerClientFails, EngineDenied)):
        engine.ensure(lambda line: None, read(tmp_path, {}), run=programs)
    assert len(programs.ran) == 2
