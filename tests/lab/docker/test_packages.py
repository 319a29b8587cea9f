"""Which packages are installed, from where, and with which apt commands. No test here runs apt."""

from pathlib import Path

import pytest

from lab.docker import packages
from lab.docker.errors import InstallFailed
from lab.docker.packages import Host, PackageSet, Part
from lab.subprocesses import Outcome
from tests.lab import answers
from tests.lab.answers import Programs

APT = "env DEBIAN_FRONTEND=noninteractive apt-get -qy -oDPkg::Lock::Timeout=120 "
NOT_FOUND = Outcome(100, "Reading package lists...\n", "E: Unable to locate package docker.io\n")

SYSTEMS = {
    "Debian 12": ('NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n', "debian", 12.0),
    "Ubuntu": ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n', "ubuntu", 24.04),
    "Debian testing": ("ID=debian\nVERSION_CODENAME=forky\n", "debian", float("inf")),
    "Fedora": ("# comment\nID=fedora\nVERSION_ID=42\n", "fedora", 42.0),
}


@pytest.mark.parametrize(("text", "name", "version"), SYSTEMS.values(), ids=SYSTEMS)
def test_recognises_the_system(tmp_path: Path, text: str, name: str, version: float) -> None:
    """By os-release, where testing has no number and counts as newest."""
    file = tmp_path / "os-release"
    file.write_text(text)
    host = packages.host(file)
    assert (host.distribution, host.version) == (name, version)


@pytest.mark.parametrize("version", [11.0, 10.0])
def test_knows_nothing_for_systems_that_are_too_old(version: float) -> None:
    """The newer suite's programs need the C library of Debian 12."""
    assert packages.package_set(Host("debian", version, is_root=True, has_systemd=True), list(Part)) is None


def test_installs_at_once_where_apts_lists_are_good(tmp_path: Path) -> None:
    """No unnecessary update; apt's output is in the log and not on the terminal."""
    programs = Programs({APT + "install": Outcome(0, "Setting up docker.io\n")})
    log = tmp_path / "log"
    packages.install(PackageSet(own=("docker.io",)), run=programs, log=log)
    assert programs.ran == [APT + "install --no-install-recommends docker.io"]
    assert "Setting up docker.io\n[exit 0]" in log.read_text()


def test_refreshes_apts_lists_when_they_are_missing(tmp_path: Path) -> None:
    """A fresh container has no lists, and an old machine has outdated ones: the first attempt shows it."""
    programs = Programs({APT + "install": [NOT_FOUND, Outcome(0)], APT + "update": Outcome(0)})
    packages.install(PackageSet(own=("docker.io",)), run=programs, log=tmp_path / "log")
    assert [line.removeprefix(APT).split()[0] for line in programs.ran] == ["install", "update", "install"]


def test_a_failed_installation_shows_apts_last_lines(tmp_path: Path) -> None:
    """One line for the error, the evidence beside it, everything in the log."""
    programs = Programs({APT: NOT_FOUND})
    with pytest.raises(InstallFailed, match="could not install docker") as caught:
        packages.install(PackageSet(own=("docker.io",)), run=programs, log=tmp_path / "log")
    assert caught.value.evidence[-1] == "E: Unable to locate package docker.io"
    assert "\n" not in str(caught.value)


def test_fetches_newer_packages_through_a_private_apt(tmp_path: Path) -> None:
    """The host's sources, preferences and lists are not used, changed or added to."""
    programs = Programs({"env": Outcome(0), "apt-get indextargets": answers.INDEX_TARGETS})
    packages.install(PackageSet(newer=("docker-compose",)), run=programs, log=tmp_path / "log")
    _, update, download, install = programs.ran
    for step in (update, download):
        assert "-oDir::Etc::SourceParts=-" in step
        assert "-oDir::State::Lists=" in step
    assert download.endswith(" download docker-compose")
    assert "dpkg -i --recursive" in install


def test_a_failed_download_installs_nothing(tmp_path: Path) -> None:
    """The steps stop at the first that fails."""
    programs = Programs({"env": Outcome(100), "apt-get indextargets": answers.INDEX_TARGETS})
    with pytest.raises(InstallFailed):
        packages.install(PackageSet(newer=("docker-compose",)), run=programs, log=tmp_path / "log")
    assert not any("dpkg -i" in line for line in programs.ran)


def test_derives_sources_from_the_hosts_own() -> None:
    """The mirror is the host's, once each for packages and security updates; others' sources are left out."""
    programs = Programs({"apt-get indextargets": answers.INDEX_TARGETS})
    key = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    assert packages.debian_sources("trixie", run=programs) == (
        f"deb {key} http://mirror.example/debian/ trixie main",
        f"deb {key} http://mirror.example/debian-security/ trixie-security main",
    )


def test_a_host_without_debian_sources_leaves_the_archive_to_mmdebstrap() -> None:
    """It knows Debian's public one by itself."""
    programs = Programs({"apt-get indextargets": Outcome(0, "Ubuntu|main|http://mirror.example/ubuntu/\n")})
    assert packages.debian_sources("trixie", run=programs) == ()


def test_carries_only_harmless_apt_settings_over() -> None:
    """Proxies and checks of dates, so that another apt reaches the mirror; nothing about signatures."""
    programs = Programs({"apt-config dump": answers.APT_SETTINGS})
    assert packages.apt_settings(run=programs) == (
        'Acquire::Check-Valid-Until "false";',
        'Acquire::http::Proxy "http://proxy.example:3128";',
    )
