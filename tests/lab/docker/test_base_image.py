"""Which base image is used, and what is done where there is none. No test here runs apt or Docker."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.docker import base_image, packages
from lab.docker.errors import BaseImageUnavailable
from lab.docker.packages import Host
from lab.settings import Settings, read
from lab.subprocesses import Outcome
from services.runtime.files import ownership
from tests.lab import answers
from tests.lab.answers import Programs

HAS = "docker image inspect --format {{.Id}} "
ASK = "docker manifest inspect "
APT = {"apt-get indextargets": answers.INDEX_TARGETS, "apt-config dump": answers.APT_SETTINGS}
BUILDS = APT | {"mmdebstrap": Outcome(0), "docker import": answers.IMAGE}


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has mmdebstrap."""
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """An `.env` that is not there yet."""
    return tmp_path / ".env"


def settings_of(env_file: Path, environ: Mapping[str, str]) -> Settings:
    """What this environment and an `.env` say."""
    return read(env_file.parent, environ)


PRESENT = {
    "the usual one": ({}, "", base_image.DEFAULT_IMAGE),
    "from the environment": ({"BASE_IMAGE": "mine:1"}, "BASE_IMAGE=theirs:1\n", "mine:1"),
    "from .env": ({}, "BASE_IMAGE=theirs:1\n", "theirs:1"),
    "by digest": ({"BASE_IMAGE": f"python@sha256:{'0' * 64}"}, "", f"python@sha256:{'0' * 64}"),
    "by name and digest, from .env": (
        {},
        f"BASE_IMAGE=python:3.13@sha256:{'0' * 64}\n",
        f"python:3.13@sha256:{'0' * 64}",
    ),
    "built before": ({}, f"BASE_IMAGE={base_image.LOCAL}\n", base_image.LOCAL),
    "set to nothing": ({"BASE_IMAGE": ""}, "BASE_IMAGE=\n", base_image.DEFAULT_IMAGE),
}


@pytest.mark.parametrize(("environ", "text", "image"), PRESENT.values(), ids=PRESENT)
def test_an_image_that_is_here_is_used_after_one_question(
    env_file: Path, environ: Mapping[str, str], text: str, image: str
) -> None:
    """The second `make up` asks the engine once and says nothing; the environment wins, as in Compose."""
    env_file.write_text(text)
    programs = Programs({HAS + image: answers.IMAGE})
    said: list[str] = []
    assert base_image.ensure(said.append, settings_of(env_file, environ), run=programs) == image
    assert said == []
    assert len(programs.ran) == 1
    assert env_file.read_text() == text


def test_pulls_the_usual_image_where_a_registry_answers(env_file: Path) -> None:
    """Nothing has to be remembered then: Compose has the same default."""
    programs = Programs({HAS: answers.NO_IMAGE, ASK: answers.MANIFEST, "docker pull": Outcome(0)})
    assert base_image.ensure(lambda line: None, settings_of(env_file, {}), run=programs) == base_image.DEFAULT_IMAGE
    assert not env_file.exists()


@pytest.mark.usefixtures("builder")
def test_builds_an_image_where_no_registry_answers(env_file: Path) -> None:
    """It is made from the mirror of the host's packages, and `.env` remembers it."""
    programs = Programs(BUILDS | {HAS: answers.NO_IMAGE, ASK: answers.NO_REGISTRY})
    assert base_image.ensure(lambda line: None, settings_of(env_file, {}), run=programs) == base_image.LOCAL
    assert env_file.read_text() == f"BASE_IMAGE={base_image.LOCAL}\n"
    (bootstrap,) = (line for line in programs.ran if line.startswith("mmdebstrap"))
    assert "--include=ca-certificates,python3,python3-venv" in bootstrap
    assert "http://mirror.example/debian/ trixie main" in bootstrap
    assert "http://mirror.example/debian-security/ trixie-security main" in bootstrap
    assert 'Acquire::http::Proxy "http://proxy.example:3128";' in bootstrap
    assert "AllowInsecure" not in bootstrap


@pytest.mark.usefixtures("builder")
def test_builds_again_when_the_remembered_image_is_gone(env_file: Path) -> None:
    """`docker system prune -a` must not break the lab; no registry is asked for an image of our own."""
    env_file.write_text(f"BASE_IMAGE={base_image.LOCAL}\n")
    programs = Programs(BUILDS | {HAS: answers.NO_IMAGE})
    assert base_image.ensure(lambda line: None, settings_of(env_file, {}), run=programs) == base_image.LOCAL
    assert not any(line.startswith(ASK) for line in programs.ran)
    assert any(line.startswith("docker import") for line in programs.ran)


def test_does_not_build_what_is_here_when_only_the_memory_is_gone(env_file: Path) -> None:
    """A lost `.env` costs a question to the registry, not a build."""
    programs = Programs({HAS: answers.NO_IMAGE, HAS + base_image.LOCAL: answers.IMAGE, ASK: answers.NO_REGISTRY})
    assert base_image.ensure(lambda line: None, settings_of(env_file, {}), run=programs) == base_image.LOCAL
    assert env_file.read_text() == f"BASE_IMAGE={base_image.LOCAL}\n"


def test_never_replaces_an_image_that_a_person_chose(env_file: Path) -> None:
    """If it cannot be had, that is an error, and nothing is written."""
    programs = Programs({HAS: answers.NO_IMAGE, ASK: answers.NO_REGISTRY})
    with pytest.raises(BaseImageUnavailable, match="mine:1") as caught:
        base_image.ensure(lambda line: None, settings_of(env_file, {"BASE_IMAGE": "mine:1"}), run=programs)
    assert caught.value.exit_code == 2
    assert not env_file.exists()


@pytest.mark.usefixtures("builder")
@pytest.mark.parametrize("fails", ["mmdebstrap", "docker import"])
def test_a_failed_build_shows_the_last_lines_and_remembers_nothing(env_file: Path, fails: str) -> None:
    """The evidence is the program's own; the error itself stays one line."""
    failure = {fails: Outcome(25, err="E: cannot reach the mirror\nE: giving up\n")}
    programs = Programs(BUILDS | {HAS: answers.NO_IMAGE, ASK: answers.NO_REGISTRY} | failure)
    with pytest.raises(BaseImageUnavailable) as caught:
        base_image.ensure(lambda line: None, settings_of(env_file, {}), run=programs)
    assert caught.value.evidence == ("E: cannot reach the mirror", "E: giving up")
    assert "\n" not in str(caught.value)
    assert not env_file.exists()


NO_BUILDER = {
    "a person": (Host("debian", 12.0, is_root=False, has_systemd=True), {}),
    "another system": (Host("fedora", 42.0, is_root=True, has_systemd=True), {}),
    "forbidden": (Host("debian", 12.0, is_root=True, has_systemd=False), {"LAB_ENGINE": "never"}),
}


@pytest.mark.parametrize(("host", "environ"), NO_BUILDER.values(), ids=NO_BUILDER)
def test_installs_no_builder_where_it_may_not(
    monkeypatch: pytest.MonkeyPatch, env_file: Path, host: Host, environ: Mapping[str, str]
) -> None:
    """The line names BASE_IMAGE and `make demo`."""
    monkeypatch.setattr(shutil, "which", lambda program: None)
    monkeypatch.setattr(packages, "host", lambda: host)
    programs = Programs({HAS: answers.NO_IMAGE, ASK: answers.NO_REGISTRY})
    with pytest.raises(BaseImageUnavailable, match=r"BASE_IMAGE.*make demo"):
        base_image.ensure(lambda line: None, settings_of(env_file, environ), run=programs)


def test_finds_the_hosts_own_authorities(tmp_path: Path) -> None:
    """CA_BUNDLE comes first, of the environment before that of `.env`; unreadable files are skipped."""
    mine, theirs, file = tmp_path / "mine.crt", tmp_path / "theirs.crt", tmp_path / ".env"
    mine.touch()
    theirs.touch()
    assert base_image.ca_bundle(settings_of(file, {"CA_BUNDLE": str(mine), "SSL_CERT_FILE": str(theirs)})) == mine
    assert base_image.ca_bundle(settings_of(file, {"SSL_CERT_FILE": str(theirs)})) == theirs
    assert base_image.ca_bundle(settings_of(file, {"CA_BUNDLE": str(tmp_path)})) is None
    assert base_image.ca_bundle(settings_of(file, {"CA_BUNDLE": str(tmp_path / "none.crt")})) is None
    assert base_image.ca_bundle(settings_of(file, {})) is None
    file.write_text("CA_BUNDLE=mine.crt\n")
    assert base_image.ca_bundle(settings_of(file, {"SSL_CERT_FILE": str(theirs)})) == mine
    assert base_image.ca_bundle(settings_of(file, {"CA_BUNDLE": str(theirs)})) == theirs


def test_where_env_cannot_be_written_the_image_is_used_all_the_same(
    builder: None, env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only checkout is no reason to do without a lab; one line says what is not remembered."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(ownership, "write", refuse)
    programs = Programs(BUILDS | {HAS: answers.NO_IMAGE, ASK: answers.NO_REGISTRY})
    said: list[str] = []
    assert base_image.ensure(said.append, settings_of(env_file, {}), run=programs) == base_image.LOCAL
    assert said[-1] == (
        f"cannot write {env_file} (Read-only file system): "
        f"make it writable, or add BASE_IMAGE={base_image.LOCAL} by hand"
    )
