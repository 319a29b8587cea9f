"""The survey, embedded and in Compose, on both loops."""

import csv
import io
import json

from tests.contract.conftest import Client
from tests.tutorial import HEADS, printed_head


def test_each_target_is_one_record(lab: Client, loop: str) -> None:
    """The recorded heads as JSON, in wire order and case; the name that is not there by its error."""
    result = lab("wget", *HEADS, "no.such.host", "--format", "jsonl", "--ordered", "--loop", loop)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 1, result.stderr
    assert [(record["line"], record["target"]) for record in records] == list(enumerate([*HEADS, "no.such.host"], 1))
    assert [record["error"] for record in records] == [None] * len(HEADS) + ["dns"]
    assert {record["loop"] for record in records} == {loop}
    for record in records[:-1]:
        first, *lines = printed_head(record["target"]).splitlines()
        assert first.endswith(f"{record['http_version']} {record['status']} {record['reason']}")
        assert [f"{record['target']} header > {name}: {value}" for name, value in record["headers"]] == lines
    assert "3 answered, 1 not" in result.stderr


def test_a_redirect_is_followed_into_a_loop(lab: Client) -> None:
    """The recording of www.163.com leads to itself: that has a name, and the hop is in the record."""
    result = lab("wget", "-L", "www.163.com", "--format", "jsonl")
    (record,) = map(json.loads, result.stdout.splitlines())
    assert (result.returncode, record["error"]) == (4, "redirect_loop")
    assert record["hops"][0]["status"] == 302


def test_the_lab_is_not_public(lab: Client) -> None:
    """--public-only refuses the lab's own addresses, and --allow-net lets them in."""
    for allowed, error in ((), "blocked"), (("--allow-net", "0.0.0.0/0"), ""):
        result = lab("wget", "www.sohu.com", "--public-only", *allowed, "--format", "csv")
        (row,) = csv.DictReader(io.StringIO(result.stdout))
        assert row["error"] == error
