"""docs/survey.md names what the survey has: its options, columns, keys, errors and anomalies, all of them."""

import json
import os
import re
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

from services.client.errors import KINDS
from services.client.head.anomalies import Departure
from services.client.options.commands import COMMANDS
from services.client.survey.results.formats import COLUMNS, TLS_COLUMNS
from tests.docs.pages import ROOT, names_in, rows, section, text_of

PAGE = text_of(ROOT / "docs/survey.md")
OPTION_TABLES = ("What goes in and out", "How many, how fast, how long", "Which heads, and from where")


def test_every_option_is_there_with_its_default() -> None:
    """A default is in the second column, where the option has one that a person can give."""
    parser = ArgumentParser(add_help=False)
    COMMANDS["wget"].add_options(parser)
    described = {
        option: default.strip("`")
        for heading in OPTION_TABLES
        for cell, default, _ in rows(section(PAGE, heading))
        for option in re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", cell)
    }
    declared = {option: action for action in parser._actions for option in action.option_strings}
    assert described.keys() - {"--loop"} == declared.keys()
    for option, action in declared.items():
        has_default = action.nargs != 0 and action.default is not None and action.default != []
        if has_default and not (described[option] == "no limit" and action.default == 0):
            shown = f"{action.default:g}" if isinstance(action.default, float) else str(action.default)
            assert described[option] == shown, option


def test_the_columns_are_those_of_a_table() -> None:
    """In their order, and after them those that have to be asked for."""
    text = section(PAGE, "Columns")
    assert tuple(names_in(text)[: len(COLUMNS)]) == COLUMNS
    assert set(TLS_COLUMNS) <= set(names_in(text))


def test_the_keys_are_those_of_a_record() -> None:
    """All of them, in their order; those of `tls` and `timings_ms` too."""
    lab = Path(sys.executable).parent / "lab"
    words = ("wget", "https://www.163.com", "--ca", "lab", "--format", "jsonl", "-q")
    done = subprocess.run(
        [lab, "embedded", *words], cwd=ROOT, env={**os.environ}, capture_output=True, timeout=50, check=True
    )
    record = json.loads(done.stdout)
    table = rows(section(PAGE, "The record"))
    assert [name for cell, _ in table for name in names_in(cell)] == list(record)
    meanings = {cell: names_in(meaning) for cell, meaning in table}
    assert meanings["`tls`"] == list(record["tls"])
    assert meanings["`timings_ms`"] == list(record["timings_ms"])


def test_the_errors_are_the_closed_list() -> None:
    """One row for each."""
    assert sorted(name for cell, _ in rows(section(PAGE, "Errors")) for name in names_in(cell)) == sorted(KINDS)


def test_the_anomalies_are_the_closed_list() -> None:
    """Each once."""
    described = [name for _, cell in rows(section(PAGE, "Anomalies")) for name in names_in(cell)]
    assert sorted(described) == sorted(each.value for each in Departure)
