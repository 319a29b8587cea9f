"""HAR files: what is recorded of each entry, and that a site plays it; what is skipped, and what is refused."""

import asyncio
import base64
import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.embedded import embedded_lab
from services.client.record.files import RecordingExists
from services.client.record.har.command import MOST_LINES
from services.client.record.har.document import NoHar, each_entry
from services.client.record.har.entry import HarOptions, read_entry
from services.client.record.har.values import Skipped
from services.client.record.program import Options, record
from services.client.topology import Topology
from services.runtime.playable import why_unplayable
from services.sites.settings import SitesSettings
from tests.client.record.test_several import files, options, raw_from, sidecar

A = "http://a.example"
WANTED = HarOptions(max_body=1_000_000, keep_secrets=False)


def entry(url: str = f"{A}/", *, method: str = "GET", **changes: Any) -> dict[str, Any]:
    """Return an entry as a browser writes it; `changes` are of its response."""
    response: dict[str, Any] = {
        "status": 200,
        "statusText": "OK",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": "Content-Type", "value": "text/plain"}],
        "content": {"size": 2, "mimeType": "text/plain", "text": "ok"},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    }
    return {
        "startedDateTime": "2026-11-26T05:00:00.000Z",
        "time": 1.5,
        "request": {"method": method, "url": url, "httpVersion": "HTTP/1.1", "headers": [], "queryString": []},
        "response": response | changes,
    }


def headers(*pairs: tuple[object, object]) -> list[dict[str, object]]:
    """Return fields as a HAR file has them."""
    return [{"name": name, "value": value} for name, value in pairs]


def har(*entries: object) -> dict[str, Any]:
    """Return the content of a file."""
    return {"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "pages": [], "entries": [*entries]}}


Record = Callable[..., int]


@pytest.fixture
def record_har(tmp_path: Path, runner: asyncio.Runner) -> Record:
    """Return a function that records from a HAR file into tmp_path/out, and returns the exit code."""

    def go(content: object, **changes: Any) -> int:
        file = tmp_path / "saved.har"
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return runner.run(record(har_options(tmp_path, **changes), Topology({}, closed=True)))

    return go


def har_options(tmp_path: Path, **changes: Any) -> Options:
    """Return what `client record --har FILE` asks for, with changes."""
    return replace(options(tmp_path / "out", [], har=str(tmp_path / "saved.har")), **changes)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n"
RESPONSES: dict[str, tuple[dict[str, Any], bytes]] = {
    "as it is": (entry(), HEAD + b"ok"),
    "decoded, though its fields say gzip": (
        entry(
            headers=headers(
                ("content-encoding", "gzip"), ("Transfer-Encoding", "chunked"), ("Trailer", "X"), ("Vary", "x")
            )
        ),
        b"HTTP/1.1 200 OK\r\nVary: x\r\nContent-Length: 2\r\n\r\nok",
    ),
    "a length where it was, once": (
        entry(headers=headers(("content-length", "99"), ("A", "1"), ("Content-Length", "98"))),
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nA: 1\r\n\r\nok",
    ),
    "HTTP/2": (
        entry(httpVersion="h2", statusText="", headers=headers((":status", "200"), ("server", "x"))),
        b"HTTP/1.1 200 OK\r\nserver: x\r\nContent-Length: 2\r\n\r\nok",
    ),
    "HTTP/1.0": (entry(httpVersion="http/1.0"), HEAD.replace(b"1.1", b"1.0") + b"ok"),
    "a status that has no usual reason": (
        entry(status=299, statusText=""),
        HEAD.replace(b"200 OK", b"299 ") + b"ok",
    ),
    "a status that is written as 200.0": (entry(status=200.0), HEAD + b"ok"),
    "Base64": (
        entry(content={"size": 3, "text": base64.b64encode(b"\xff\0\n").decode() + "\r\n", "encoding": "base64"}),
        HEAD.replace(b": 2", b": 3") + b"\xff\0\n",
    ),
    "a charset": (
        entry(headers=headers(("Content-Type", 'text/html; Charset="GB2312"')), content={"text": "中"}),
        b'HTTP/1.1 200 OK\r\nContent-Type: text/html; Charset="GB2312"\r\nContent-Length: 2\r\n\r\n\xd6\xd0',
    ),
    "a charset that no text has": (
        entry(headers=headers(("Content-Type", "text/html; charset=punycode")), content={"text": "é"}),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=punycode\r\nContent-Length: 2\r\n\r\n\xc3\xa9",
    ),
    "a text that its charset has not": (
        entry(headers=headers(("Content-Type", "text/html; charset=latin1")), content={"text": "中"}),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=latin1\r\nContent-Length: 3\r\n\r\n\xe4\xb8\xad",
    ),
    "half a character": (entry(content={"text": "\ud800x"}), HEAD + b"?x"),
    "no content": (entry(content={}), HEAD.replace(b": 2", b": 0")),
    "content of another type": (entry(content=[1]), HEAD.replace(b": 2", b": 0")),
    "a text of another type": (entry(content={"text": 1}), HEAD.replace(b": 2", b": 0")),
    "content that the file does not have": (entry(content={"size": 2}), HEAD),
    "204": (
        entry(status=204, headers=headers(("Content-Length", "2"), ("A", "1"))),
        b"HTTP/1.1 204 OK\r\nA: 1\r\n\r\n",
    ),
    "an answer to HEAD": (
        entry(method="HEAD", headers=headers(("Content-Length", "99"))),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
    ),
    "cookies that a browser has joined": (
        entry(headers=headers(("Set-Cookie", "a=12; Path=/\nb=34"))),
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=xx; Path=/\r\nSet-Cookie: b=xx\r\nContent-Length: 2\r\n\r\nok",
    ),
    "a value of any bytes": (
        entry(headers=headers(("X", " caf\xe9\t"), ("Y", "中"))),
        b"HTTP/1.1 200 OK\r\nX: caf\xe9\r\nY: \xe4\xb8\xad\r\nContent-Length: 2\r\n\r\nok",
    ),
    "what is no field": (
        entry(
            statusText="OK\r\nX: y",
            headers=[
                *headers(("X\r\nSet-Cookie: a", "1"), ("X: y", "1"), ("", "1"), ("A", "1\r\nX: y"), ("B", "\0")),
                *headers(("C", 1), (2, "1"), ("D", "1\n2\r")),
                None,
                "x",
            ],
        ),
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ),
}


@pytest.mark.parametrize(("given_entry", "raw"), RESPONSES.values(), ids=RESPONSES)
def test_a_response_gets_a_head_that_fits_its_body(given_entry: dict[str, Any], raw: bytes) -> None:
    """A HAR file has what a browser made of it: decoded bodies, and fields that speak of what came."""
    response = read_entry(given_entry, WANTED)
    assert response.recording.raw == raw
    assert why_unplayable(raw, response.source) is None


@pytest.mark.parametrize(("name", "left_out"), [("as it is", 0), ("HTTP/2", 0), ("what is no field", 10)])
def test_fields_that_no_head_can_have_are_counted(name: str, left_out: int) -> None:
    """A pseudo field of HTTP/2 is none of them: the status line has it."""
    assert read_entry(RESPONSES[name][0], WANTED).left_out == left_out


@pytest.mark.parametrize(
    ("changes", "kept"),
    [({"max_body": None}, b""), ({"max_body": 1}, b""), ({"max_body": 2}, b"ok")],
    ids=["head only", "too large", "as large as it may be"],
)
def test_a_body_that_is_not_wanted_is_left_out_whole(changes: dict[str, Any], kept: bytes) -> None:
    """A site then makes one of this length."""
    assert read_entry(entry(), replace(WANTED, **changes)).recording.raw == HEAD + kept


SKIPPED: dict[str, tuple[object, str]] = {
    "no entry": (None, "not http or https"),
    "no request": ({"response": {}}, "not http or https"),
    "no response": ({"request": {"method": "GET", "url": A}}, "blocked, or had no answer"),
    "blocked": (entry(status=0), "blocked, or had no answer"),
    "a status below 0": (entry(status=-1), "blocked, or had no answer"),
    "a status that is text": (entry(status="200"), "blocked, or had no answer"),
    "a status that is true": (entry(status=True), "blocked, or had no answer"),
    "a status of any size": (entry(status=10**4000), "is no final one"),
    "another protocol": (entry(status=101), "is no final one"),
    "an interim one": (entry(status=103), "is no final one"),
    "from a cache": (entry(status=304), "disable the cache"),
    "data": (entry("data:text/plain,x"), "not http or https"),
    "a socket": (entry("wss://a.example/"), "not http or https"),
    "a URL of another type": (entry() | {"request": {"method": "GET", "url": 1}}, "not http or https"),
    "no host": (entry("http:///x"), "no host"),
    "a password": (entry("http://ann:pw@a.example/"), "user names and passwords"),
    "an IPv6 address": (entry("http://[::1]/"), "not a host name to record under"),
    "a host that is a path": (entry("http://..%2f..%2fetc/"), "host"),
    "a host with a slash": (entry("http://a\\..\\b/"), "host"),
    "a host with dots": (entry("http://a..b/"), "host"),
    "a host that ends as a file": (entry("http://a.toml/"), "not a host name to record under"),
    "a long path": (entry(f"{A}/{'a' * 3000}"), "more than 2,048 characters"),
    "a longer one": (entry(f"{A}/{'a' * 5000}"), "too long"),
    "a line end in a path": (entry(f"{A}/\r\nX: y"), "control characters"),
    "no method": (entry(method=""), "not a method"),
    "a method that is two lines": (entry(method="GET / HTTP/1.1\r\nX: y"), "not a method"),
    "not Base64": (entry(content={"text": "=x", "encoding": "base64"}), "not Base64"),
    "another encoding": (entry(content={"text": "x", "encoding": "rot13"}), "only base64 is known"),
    "many fields": (entry(headers=headers(*[("A", "1")] * 1001)), "more than 1,000 fields"),
    "a large head": (entry(headers=headers(("A", "1" * 300_000))), "more than 262,144 bytes"),
    "content that is too large to be made": (entry(content={"size": 10**9}), "no site can play it"),
    "a redirect to https": (
        entry(status=301, headers=headers(("Location", "https://a.example/"))),
        "a site answers as https://a.example/ here",
    ),
}


@pytest.mark.parametrize(("given_entry", "reason"), SKIPPED.values(), ids=SKIPPED)
def test_what_cannot_be_recorded_is_skipped_with_its_reason(given_entry: object, reason: str) -> None:
    """All of a HAR file is untrusted."""
    with pytest.raises(Skipped, match=re.escape(reason)):
        read_entry(given_entry, WANTED)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMED = st.text("\r\n\0: aA-é中\ud800", max_size=6)


@given(
    version=st.sampled_from(["HTTP/1.1", "h2"]) | ANYTHING,
    status=st.sampled_from([200, 204, 302]) | ANYTHING,
    reason=NAMED | ANYTHING,
    fields=st.lists(st.fixed_dictionaries({"name": NAMED, "value": NAMED | ANYTHING}) | ANYTHING, max_size=4)
    | ANYTHING,
    content=st.fixed_dictionaries({"text": NAMED, "size": ANYTHING, "encoding": st.just("") | ANYTHING}) | ANYTHING,
)
def test_no_value_of_a_file_ends_a_head_or_begins_a_field(
    version: object, status: object, reason: object, fields: object, content: object
) -> None:
    """Whatever types and characters there are: a head that a site can play, with the names that were given, or none."""
    given_entry = entry(httpVersion=version, status=status, statusText=reason, headers=fields, content=content)
    try:
        raw = read_entry(given_entry, WANTED).recording.raw
    except Skipped:
        return
    head, _, _ = raw.partition(b"\r\n\r\n")
    _line, *lines = head.split(b"\r\n")
    names = {str(each.get("name")) for each in fields if isinstance(each, dict)} if isinstance(fields, list) else set()
    assert {line.partition(b":")[0].decode() for line in lines} <= names | {"Content-Length"}
    assert not set(head) & {0, *range(1, 9), 11, 12, 127}
    assert b"\n" not in head.replace(b"\r\n", b"")


BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is not JSON"),
    "no JSON": (b"<har>", "is not JSON"),
    "not UTF-8": (b'{"log": "\xff"}', "is not UTF-8 at byte 9"),
    "another document": (b'{"name": "x"}', "has no `log.entries`"),
    "an array": (b"[]", "is not JSON of a HAR file"),
    "no entries": (b'{"log": {"version": "1.2"}}', "has no `log.entries`"),
    "entries that are no array": (b'{"log": {"entries": {}}}', "is not JSON of a HAR file"),
    "entries twice": (b'{"log": {"entries": [], "entries": []}}', "has `entries` twice"),
    "two logs": (b'{"log": {"entries": []}, "log": {"entries": []}}', "has `entries` twice"),
    "cut off": (json.dumps(har(entry())).encode()[:-30], "is not JSON"),
    "more behind its end": (json.dumps(har()).encode() + b"x", "more after its end"),
    "a name twice": (b'{"log": {"entries": [{"a": 1, "a": 2}]}}', "is there twice"),
    "deep": (b'{"log": {"entries": [' + b"[" * 200_000, "is nested too deeply"),
    "deep elsewhere": (b'{"x": ' + b'{"a":' * 200_000, "is nested too deeply"),
    "a long number": (b'{"log": {"entries": [' + b"1" * 5000, "is not JSON"),
    "no number": (b'{"log": {"entries": [NaN]}}', "NaN is no number"),
    "no name": (b'{"log": {1: 2}}', "no name"),
}


@pytest.mark.parametrize(("raw", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_har_file_is_one_line(tmp_path: Path, record_har: Record, raw: bytes, reason: str) -> None:
    """Exit code 3, and nothing is written."""
    with pytest.raises(NoHar, match=re.escape(reason)) as caught:
        record_har(raw)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_too_large_or_no_file_is_one_line(
    tmp_path: Path, record_har: Record, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe would never end."""
    with pytest.raises(NoHar, match="cannot be read"):
        runner.run(record(har_options(tmp_path, har=str(tmp_path)), Topology({}, closed=True)))
    monkeypatch.setattr("services.client.record.har.document.MAX_HAR_BYTES", 100)
    with pytest.raises(NoHar, match="has more than 100 bytes"):
        record_har(har(entry()))


def test_entries_are_read_one_after_another_whatever_is_around_them() -> None:
    """Programs write the members of a HAR file in any order, with a comment or a byte order mark."""
    text = ' {"comment": {"entries": [9]}, "log" : { "pages": [{"entries": [8]}], "entries":[ 1 , {"a":[2]} ], "x":3}} '
    assert [*each_entry(text)] == [1, {"a": [2]}]


def test_a_byte_order_mark_is_no_error(tmp_path: Path, record_har: Record) -> None:
    """Windows writes one."""
    assert record_har(b"\xef\xbb\xbf" + json.dumps(har(entry())).encode()) == 0
    assert files(tmp_path / "out") == ["a.example.http"]


ONE: dict[str, Any] = {"content": {"text": "one"}}
TWO: dict[str, Any] = {"content": {"text": "two"}}
DATED: dict[str, Any] = {"headers": headers(("Date", "Thu, 26 Nov 2026 05:00:00 GMT"), ("Content-Type", "text/plain"))}
SEQUENCES: dict[str, tuple[Sequence[dict[str, Any]], Mapping[str, tuple[object, object]]]] = {
    "one answer": ([ONE], {"a.example/x": (None, None)}),
    "the same answer, at another time": ([ONE, ONE | DATED, ONE], {"a.example/x": (None, None)}),
    "two answers": ([ONE, TWO], {"a.example/x": (1, 1), "a.example/x__2": (2, None)}),
    "twice, and another": ([ONE, ONE | DATED, TWO], {"a.example/x": (1, 2), "a.example/x__2": (2, None)}),
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
    blocked = [entry(f"{A}/\x1b[2J{number}", status=0) for number in range(MOST_LINES + 5)]
    assert record_har(har(entry(headers=headers(("Set-Cookie", "a=1"), ("A\n", "1"))), entry(f"{A}/x"), *blocked)) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if line.startswith("skipped 'http")]) == MOST_LINES
    assert lines[MOST_LINES] == "skipped 5 more"
    assert len(lines) == MOST_LINES + 3
    assert "credentials masked: Set-Cookie 1 bytes" in lines[-2]
    assert "1 field that no head can have is left out" in lines[-2]
    assert not any("\x1b" in line for line in lines)
    assert record_har(har(*blocked)) == 4


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
