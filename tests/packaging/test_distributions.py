"""What is in the sdist and in the wheel, by the checks of an index and by our own."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from lab import ROOT
from tests.packaging.distributions import build, names_in, names_in_sdist

PROGRAMS = "asynclab/_programs"
TOOLS = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command", [["twine", "check", "--strict"], ["check-wheel-contents"]], ids=lambda each: each[0]
)
def test_an_index_would_take_them(command: list[str], distributions: tuple[Path, Path]) -> None:
    """Metadata and README as an index reads them; no stray file in the wheel."""
    files = distributions if command[0] == "twine" else distributions[1:]
    done = subprocess.run([TOOLS / command[0], *command[1:], *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_adds_one_name_to_a_persons_imports(distributions: tuple[Path, Path]) -> None:
    """`lab` and `services` are names that a project may have for packages."""
    names = names_in(distributions[1])
    assert {name.partition("/")[0] for name in names} == {"asynclab", "asynclab-0.1.0.dist-info"}


def is_packed(file: Path) -> bool:
    """Whether a file of a program is in the wheel."""
    made = {"__pycache__", "node_modules"} & set(file.parts) or file.parent == ROOT / "lab" / "page"  # the build
    return not made and file.suffix != ".sh" and file.name not in ("Dockerfile", ".gitignore")


def test_the_wheel_has_what_its_programs_read(distributions: tuple[Path, Path]) -> None:
    """Every module of the checkout, recordings, pages, the marker for type checkers; nothing for containers alone."""
    names = set(names_in(distributions[1]))
    files = [*(ROOT / "asynclab").rglob("*.py"), *(ROOT / "asynclab").glob("py.typed")]
    expected = {file.relative_to(ROOT).as_posix() for file in files}
    for package in ("lab", "services"):
        files = [file for file in (ROOT / package).rglob("*") if file.is_file() and is_packed(file)]
        expected |= {f"{PROGRAMS}/{file.relative_to(ROOT).as_posix()}" for file in files}
    assert {name for name in names if "dist-info" not in name} == expected
    assert len([name for name in expected if name.endswith(".http")]) >= 3


def test_the_sdist_has_what_its_tests_and_the_lab_in_containers_need(distributions: tuple[Path, Path]) -> None:
    """It is the checkout without what git ignores and what only a hosting service reads."""
    names = names_in_sdist(distributions[0])
    assert {"compose.yaml", "Makefile", "services/Dockerfile", "lab/scripts/setup.sh", "tests/conftest.py"} <= names
    assert not [name for name in names if name.startswith((".venv", ".env", "build/", ".git/"))]


def test_what_a_person_has_beside_the_project_is_not_in_the_sdist(
    distributions: tuple[Path, Path], tmp_path: Path
) -> None:
    """Results of a survey, recordings, and a virtual environment, whose links an sdist may not even have."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".*_cache", ".git", ".venv", "__pycache__", "build"))
    (checkout / "venv/bin").mkdir(parents=True)
    (checkout / "venv/bin/python3").symlink_to(sys.executable)
    (checkout / "recordings").mkdir(exist_ok=True)
    for name in ("heads.jsonl", "recordings/private.example.http"):
        (checkout / name).write_text("of a person")
    build("--sdist", checkout, into=tmp_path)
    assert names_in_sdist(next(tmp_path.glob("*.tar.gz"))) == names_in_sdist(distributions[0])


def test_the_metadata_is_that_of_the_project(distributions: tuple[Path, Path]) -> None:
    """What a host needs is a dependency, the rest an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    with zipfile.ZipFile(distributions[1]) as wheel:
        metadata = HeaderParser().parsestr(wheel.read("asynclab-0.1.0.dist-info/METADATA").decode("utf-8"))
        entries = wheel.read("asynclab-0.1.0.dist-info/entry_points.txt").decode("utf-8")
    required = [each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert sorted(required) == sorted(project["dependencies"])
    assert set(metadata.get_all("Provides-Extra", [])) == {"control", "jetstream", "pytest", "uvloop"}
    assert "asynclab = asynclab.pytest_plugin" in entries
