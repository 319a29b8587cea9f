"""Virtual environments outside the checkout, with nothing in them but the wheel and what it depends on."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import ROOT
from tests.lab.scripts.test_pythons import OLDEST

UV = Path(sys.executable).parent / "uv"
VERSIONS = [f"3.{minor}" for minor in range(11, 20)]
UNREACHABLE = re.compile("Failed to fetch|error sending request|dns error|network (?:was|is) disabled", re.IGNORECASE)
OURS = re.compile(r"(?:LAB|SITES|HELLO|COMPOSE|COVERAGE|PYTEST)_|(?:ASYNCLAB_URL|PYTHONPATH|VIRTUAL_ENV)$")


@dataclass(frozen=True, slots=True)
class Environment:
    """One virtual environment, and a person's project beside it, in which its programs are run."""

    root: Path
    project: Path
    wheel: Path
    options: tuple[str, ...]
    """What uv is told to choose versions by."""

    def install(self, extra: str) -> None:
        """Install the wheel with an extra.

        Where no package index can be reached, the test skips on a person's machine, and fails where CI is set.
        """
        words = ("pip", "install", "--quiet", "--python", str(self.root), *self.options, f"{self.wheel}[{extra}]")
        done = uv(*words, check=False)
        if done.returncode and UNREACHABLE.search(done.stderr) and not os.environ.get("CI"):
            pytest.skip(f"no package index can be reached: {done.stderr.strip().splitlines()[-1].strip()}")
        assert done.returncode == 0, done.stderr

    @property
    def packages(self) -> Path:
        """Where packages are installed."""
        return next(self.root.glob("lib/python3.*/site-packages"))

    def run(self, program: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in the project's directory."""
        return subprocess.run(
            [self.root / "bin" / program, *words],
            cwd=self.project,
            env={**without_ours(os.environ), "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )


def without_ours(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment as a person has it who does not work on the lab."""
    return {name: value for name, value in variables.items() if not OURS.match(name)}


def pythons() -> dict[str, str]:
    """Return an interpreter of each version that is on this machine, by "3.N", the oldest first.

    They are looked for on PATH, and beside the one that runs this, where pyenv and uv keep several.
    """
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    beside = Path(sys.base_prefix).parent
    found: dict[str, str] = {}
    for version in VERSIONS:
        paths = [*map(str, beside.glob(f"*/bin/python{version}")), shutil.which(f"python{version}")]
        if version == running:
            paths = [sys.executable]
        if usable := [path for path in paths if path and works(path)]:
            found[version] = usable[0]
    return found


def works(python: str) -> bool:
    """Return whether an interpreter can be started: a shim on PATH may lead to none."""
    try:
        return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def oldest() -> tuple[str, list[str]]:
    """Return the oldest Python that the project names, and options for the oldest packages that it names."""
    found = pythons()
    if OLDEST not in found:
        pytest.skip(f"the oldest packages are for Python {OLDEST}, which is not on this machine")
    return found[OLDEST], ["--resolution", "lowest-direct"]


def newest() -> tuple[str, list[str]]:
    """Return the newest Python that is here, and options for the packages with which everything else is tested."""
    return list(pythons().values())[-1], ["--constraint", str(ROOT / "requirements/tests.txt")]


def make_environment(wheel: Path, into: Path, python: str, options: list[str]) -> Environment:
    """Make one, and install the wheel with its extra `pytest`."""
    root = into / "venv"
    uv("venv", "--quiet", "--python", python, str(root))
    made = Environment(root, project_in(into / "project"), wheel, tuple(options))
    made.install("pytest")
    return made


def uv(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run uv, without the settings of this checkout."""
    return subprocess.run([UV, "--no-config", *words], cwd="/", capture_output=True, text=True, timeout=55, check=check)


TEST = """
import urllib.request

import lab
import services


def test_of_a_person(lab_session, tmp_path):
    assert (lab.OWNER, services.OWNER) == ("a person", "a person")


def test_of_the_client(lab):
    site = lab.site("www.sohu.com")
    site.fault("status", status=503, first=1)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": lab.proxy_url}))
    for status in (503, 200):
        try:
            with opener.open("http://www.sohu.com/", timeout=10) as response:
                found = response.status
        except urllib.error.HTTPError as error:
            found = error.code
            error.close()
        assert found == status
    site.verify(count=2, method="GET")
"""


def project_in(directory: Path) -> Path:
    """Make a project with packages `lab` and `services`, and with a test that imports them and uses the plugin."""
    for name in ("lab", "services"):
        (directory / name).mkdir(parents=True)
        (directory / name / "__init__.py").write_text('OWNER = "a person"\n')
    (directory / "test_client.py").write_text(TEST)
    (directory / ".env").write_text("this is of another program, and no KEY=VALUE line\n")
    return directory


def targets(count: int) -> Iterator[str]:
    """Yield lines of a list for `wget -i`."""
    return (f"http://www.163.com/{number}\n" for number in range(count))
