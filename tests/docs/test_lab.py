"""docs/lab.md names the services and settings of Compose's files; docs/architecture.md has every folder and file."""

import re
import tomllib

import pytest

from tests.docs.pages import ROOT, inline_code, rows, section, text_of

LAB = text_of(ROOT / "docs/lab.md")
ARCHITECTURE = text_of(ROOT / "docs/architecture.md")
COMPOSE = "".join((ROOT / name).read_text("utf-8") for name in ("compose.yaml", "compose.override.yaml"))
THE_SYSTEMS = {"PWD"}
OF_CHAOS = "lab/bench/chaos/clients"  # one subject, which is on the map as a whole
WALKS = ("The way of a target", "The way of a request", "The way of `make up`")


def test_every_setting_of_compose_is_there() -> None:
    """What a person can set there is a row of the table."""
    described = set(re.findall(r"`([A-Z_]+)`", "".join(cell for cell, *_ in rows(section(LAB, "Settings")))))
    assert set(re.findall(r"\$\{([A-Z_]+)", COMPOSE)) - THE_SYSTEMS <= described


def test_every_service_is_there() -> None:
    """Those of compose.yaml, and no other."""
    services = COMPOSE.partition("\nservices:\n")[2].partition("\nnetworks:")[0]
    described = {name for cell, *_ in rows(section(LAB, "In containers")) for name in inline_code(cell)}
    assert described == set(re.findall(r"^  (\w+):$", services, re.MULTILINE))


def test_the_layers_are_those_that_import_linter_enforces() -> None:
    """A package whose layers are drawn has the same ones, in the same order, in its contract."""
    drawn = section(ARCHITECTURE, "Layers").split("```")[3].split()
    names = [word for word in drawn if word.endswith(":")]
    contracts = tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = {each["containers"][0]: each["layers"] for each in contracts if each.get("containers")}
    assert names
    assert drawn == [word for name in names for word in [name, *" -> ".join(layers[name.removesuffix(":")]).split()]]


def test_every_folder_is_on_the_map() -> None:
    """A package has a place in the table."""
    packages = {
        f"{file.parent.relative_to(ROOT).as_posix()}/"
        for top in ("services", "lab", "asynclab")
        for file in (ROOT / top).rglob("__init__.py")
    }
    described = set(inline_code("\n".join(" ".join(row) for row in rows(section(ARCHITECTURE, "The map")))))
    assert {each for each in packages if not each.startswith(OF_CHAOS)} <= described


@pytest.mark.parametrize("heading", WALKS)
def test_a_walk_names_a_file_a_step_and_none_twice(heading: str) -> None:
    """In order, from 1."""
    steps = re.findall(r"^(\d+)\. `([^`]+)`:?", section(ARCHITECTURE, heading), re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    files = [file for _, file in steps]
    assert len(files) == len(set(files))
    assert [file for file in files if not (ROOT / file).is_file()] == []
