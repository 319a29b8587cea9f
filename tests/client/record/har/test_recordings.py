"""What is recorded of a whole HAR file: sequences, masks, lines, limits, and that a site plays it."""

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.embedded.program import embedded_lab
from services.client.record.files import RecordingExists
from services.client.record.har.command import MAX_LINES
from services.client.record.har.document import NoHar
from services.sites.settings import SitesSettings
from tests.client.record.har.entries import entry, har, headers
from tests.client.record.web import A, Record, files, raw_from, sidecar

ONE: dict[str, Any] = {"content": {"text": "one"}}
TWO: dict[str, Any] = {"content": {"text": "two"}}
LENGTH = headers(("Content-Type", "text/plain"), ("Content-Length", "5"))
THREE: dict[str, Any] = {"content": {"text": "three"}, "headers": LENGTH}
LEFT: dict[str, Any] = {"content": {"size": -1}, "headers": LENGTH}  # the person left the page before it was read
DATED: dict[str, Any] = {"headers": headers(("Date", "Thu, 26 Nov 2026 05:00:00 GMT"), ("Content-Type", "text/plain"))}
SEQUENCES: dict[str, tuple[Sequence[dict[str, Any]], Mapping[str, tuple[object, object]]]] = {
    "one answer": ([ONE], {"a.example/x": (None, None)}),
    "the same answer, at another time": ([ONE, ONE | DATED, ONE], {"a.example/x": (None, None)}),
    "two answers": ([ONE, TWO], {"a.example/x": (1, 1), "a.example/x__2": (2, None)}),
    "twice, and another": ([ONE, ONE | DATED, TWO], {"a.example/x": (1, 2), "a.example/x__2": (2, None)}),
    "the same answer, once without its body": ([LEFT, THREE, LEFT], {"a.example/x": (None, None)}),
    "another answer without its body": (
        [TWO, LEFT | {"content": {"size": 9}}],
        {"a.example/x": (1, 1), "a.example/x__2": (2, None)},
    ),
    "there and back": (
        [ONE, TWO, ONE],
        {"a.example/x": (1, 1), "a.example/x__2": (2, 1), "a.example/x__3": (3, None)},
    ),
}


@pytest.mark.parametrize(("answers", "expected"), SEQUENCES.values(), ids=SEQUENCES)
def test_answers_that_differ_are_a_sequence(
    tmp_path: Path,
    record_har: Record,
    answers: Sequence[dict[str, Any]],
    expected: Mapping[str, tuple[object, object]],
) -> None:
    """Each answers as often as it came in a row, and the last one from then on."""
    out = tmp_path / "out"
    assert record_har(har(entry(), *(entry(f"{A}/x", **changes) for changes in answers))) == 0
    assert files(out) == sorted(["a.example.http", *(f"{name}.http" for name in expected)])
    for name, (sequence, times) in expected.items():
        said = sidecar(out, name)
        assert (said.get("sequence"), said.get("times")) == (sequence, times)
        assert said["match"] == {"method": "GET", "path": "/x"}
    if THREE in answers:
        assert (out / "a.example/x.http").read_bytes().endswith(b"\r\n\r\nthree")


def test_the_last_answer_of_the_page_at_the_root_is_the_hosts_own(tmp_path: Path, record_har: Record) -> None:
    """Those before it are beside it; with --force, a later file with one answer takes their place."""
    out = tmp_path / "out"
    assert record_har(har(entry(**ONE), entry(f"{A}/x"), entry(**TWO))) == 0
    assert files(out) == ["a.example.http", "a.example/index.http", "a.example/x.http"]
    assert sidecar(out, "a.example/index")["times"] == 1
    assert "match" not in sidecar(out, "a.example")
    assert record_har(har(entry(**ONE)), force=True) == 0
    assert files(out) == ["a.example.http", "a.example/x.http"]


def test_a_recording_that_is_there_is_refused_before_anything_is_written(tmp_path: Path, record_har: Record) -> None:
    """--force replaces it."""
    out = tmp_path / "out"
    assert record_har(har(entry(f"{A}/x"), entry(f"{A}/y"))) == 0
    with pytest.raises(RecordingExists, match=r"y\.toml is there already: --force replaces it$"):
        record_har(har(entry("http://b.example/"), entry(f"{A}/y", **TWO)))
    assert files(out) == ["a.example.http", "a.example/y.http"]
    assert record_har(har(entry(f"{A}/y", **TWO)), force=True) == 0
    assert b"two" in (out / "a.example/y.http").read_bytes()


@pytest.mark.parametrize("keep_secrets", [False, True], ids=["masked", "kept"])
def test_credentials_are_masked_as_for_a_live_site(tmp_path: Path, record_har: Record, keep_secrets: bool) -> None:
    """In fields and in URLs, and what the browser sent is not kept at all: it is a person's own."""
    given_entry = entry(
        f"{A}/x?token=s3cret",
        headers=headers(("Set-Cookie", "id=s3cret; Path=/"), ("X-Auth-Token", "s3cret"), ("Location", "/?sig=s3cret")),
    )
    given_entry["request"]["headers"] = headers(("Cookie", "id=private"), ("Authorization", "Bearer private"))
    given_entry["request"]["cookies"] = headers(("id", "private"))
    assert record_har(har(entry(), given_entry), keep_secrets=keep_secrets) == 0
    for file in [*(tmp_path / "out").rglob("*.http"), *(tmp_path / "out").rglob("*.toml")]:
        text = file.read_text()
        assert "private" not in text
        assert keep_secrets or "s3cret" not in text
    (beside,) = (tmp_path / "out/a.example").glob("*.toml")
    said = tomllib.loads(beside.read_text())
    assert [each["field"] for each in said["provenance"]["secrets_kept" if keep_secrets else "masked"]] == [
        "Set-Cookie",
        "X-Auth-Token",
        "Location",
    ]
    assert said["match"].get("query") == ({"token": "s3cret"} if keep_secrets else None)


def test_the_sidecar_says_that_it_comes_from_a_har_file(tmp_path: Path, record_har: Record) -> None:
    """And when the browser asked; not from where the file was."""
    assert record_har(har(entry(f"{A}/x?a=1"))) == 0
    said = sidecar(tmp_path / "out", "a.example")
    table = said["provenance"]
    assert (said["body"], table["source"], table["url"]) == ("recorded", "har", f"{A}/x?a=1")
    assert (table["time"], table["status"], table["body"]) == ("2026-11-26T05:00:00+00:00", 200, "decoded")
    assert table["bytes"] == len((tmp_path / "out/a.example.http").read_bytes())


def test_each_recording_and_each_skipped_entry_has_a_line(
    tmp_path: Path, record_har: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of those that are skipped, a bounded number; no character of a file reaches a terminal as it is."""
    blocked = [entry(f"{A}/\x1b[2J{number}", status=0) for number in range(MAX_LINES + 5)]
    assert record_har(har(entry(headers=headers(("Set-Cookie", "a=1"), ("A\n", "1"))), entry(f"{A}/x"), *blocked)) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if line.startswith("skipped 'http")]) == MAX_LINES
    assert lines[MAX_LINES] == "skipped 5 more"
    assert len(lines) == MAX_LINES + 4
    assert "credentials masked: Set-Cookie 1 bytes" in lines[-3]
    assert "1 field that no head can have is left out" in lines[-3]
    assert not any("\x1b" in line for line in lines)
    assert record_har(har(*blocked)) == 4


BROKEN = entry(f"{A}/x")
del BROKEN["response"]
EXIT_CODES: Mapping[str, tuple[Sequence[object], int]] = {
    "all kept": ([entry()], 0),
    "no loss": ([entry(), entry("data:,x"), entry(f"{A}/x", status=0)], 0),
    "a broken entry": ([entry(), BROKEN], 1),
    "no entry": ([None, entry()], 1),
    "from the cache": ([entry(), entry(f"{A}/x", status=304)], 1),
    "what no site can play": ([entry(), entry(f"{A}/x", content={"size": 10**9})], 1),
    "a host without a name": ([entry(), entry("http://127.0.0.1/")], 0),
    "nothing kept": ([BROKEN], 4),
    "nothing to keep": ([entry(status=0)], 4),
    "nothing": ([], 4),
}


@pytest.mark.parametrize(("entries", "code"), EXIT_CODES.values(), ids=EXIT_CODES)
def test_the_exit_code_says_whether_all_is_kept_that_should_be(
    record_har: Record, capsys: pytest.CaptureFixture[str], entries: Sequence[object], code: int
) -> None:
    """1 where something is missing in a lab that plays the file, and a last line that says how much."""
    assert record_har(har(*entries)) == code
    assert ("1 of its responses could not be kept" in capsys.readouterr().err) is (code == 1)


def test_an_entry_without_a_url_is_named_by_its_place(record_har: Record, capsys: pytest.CaptureFixture[str]) -> None:
    """From 1, in the file."""
    record_har(har(entry(), None, {"request": {}}))
    assert capsys.readouterr().err.splitlines()[:2] == [
        "skipped entry 2: it is no object",
        "skipped entry 3: it has no request",
    ]


def test_a_file_with_more_responses_than_a_site_plays_is_refused(
    tmp_path: Path, record_har: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is written; so is one with entries without end."""
    with pytest.raises(NoHar, match=r"more than 1,000 responses of a\.example"):
        record_har(har(*(entry(f"{A}/{number}") for number in range(1001))))
    monkeypatch.setattr("services.client.record.har.command.MAX_ENTRIES", 2)
    with pytest.raises(NoHar, match="more than 2 entries: keep fewer"):
        record_har(har(None, None, None))
    assert not (tmp_path / "out").exists()


def test_what_is_recorded_is_played_to_the_byte(tmp_path: Path, record_har: Record, runner: asyncio.Runner) -> None:
    """Each request of the file gets its answers in their order, and then the last one again."""
    saved = har(
        entry(**TWO),
        entry(f"{A}/x?page=1&q=a%20b", **ONE),
        entry(f"{A}/x?page=2", **ONE),
        entry(f"{A}/login", method="POST", status=403),
        entry(f"{A}/job", **ONE),
        entry(f"{A}/job", **ONE),
        entry(f"{A}/job", **TWO),
        entry("http://b.example/old", status=301, headers=headers(("Location", "/new")), content={"size": 0}),
        entry("http://b.example/new", content={"size": 3, "text": "/wAK", "encoding": "base64"}),
        entry("http://b.example/gone", content={"size": 5}),
    )
    assert record_har(saved) == 0
    plays = [
        ("GET", f"{A}/", b"two"),
        ("GET", f"{A}/unknown", b"two"),
        ("GET", f"{A}/x?q=a+b&page=1", b"one"),
        ("GET", f"{A}/x?page=2&more=1", b"one"),
        ("POST", f"{A}/login", b"ok"),
        ("GET", f"{A}/job", b"one"),
        ("GET", f"{A}/job", b"one"),
        ("GET", f"{A}/job", b"two"),
        ("GET", f"{A}/job", b"two"),
        ("GET", "http://b.example/old", b""),
        ("GET", "http://b.example/new", b"\xff\0\n"),
    ]

    async def go() -> None:
        async with embedded_lab(sites=SitesSettings(directory=tmp_path / "out")) as settings:
            for method, url, body in plays:
                raw = await raw_from(url, settings.topology, method)
                assert raw.partition(b"\r\n\r\n")[2] == body, url
            assert b"403" in await raw_from(f"{A}/login", settings.topology, "POST")
            assert len((await raw_from("http://b.example/gone", settings.topology)).partition(b"\r\n\r\n")[2]) == 5

    runner.run(go())
