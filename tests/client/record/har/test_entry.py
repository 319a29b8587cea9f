"""An entry of a HAR file: the response that is recorded of it, or why it is skipped."""

import base64
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.record.har.entry import HarOptions, read_entry
from services.client.record.har.values import NotWanted, Skipped
from services.runtime.playable import why_unplayable
from tests.client.record.har.entries import entry, headers
from tests.client.record.web import A

WANTED = HarOptions(max_body=1_000_000, keep_secrets=False)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n"
SENT = headers(("Content-Type", "text/plain"), ("Content-Length", "2"))
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
    "content that the browser did not read": (entry(content={"size": -1}, headers=SENT), HEAD),
    "no content, and a length": (entry(content={}, headers=SENT), HEAD),
    "no content, and no body": (entry(content={"size": -1}, headers=SENT, bodySize=0), HEAD.replace(b": 2", b": 0")),
    "content of no size": (entry(content={"size": 0}, headers=SENT), HEAD.replace(b": 2", b": 0")),
    "a length that is none": (
        entry(content={}, headers=headers(("Content-Type", "text/plain"), ("Content-Length", "2, 2"))),
        HEAD.replace(b": 2", b": 0"),
    ),
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
    "no entry": (None, "it is no object"),
    "no request": ({"response": {}}, "it has no request"),
    "a request of another type": ({"request": [], "response": {}}, "it has no request"),
    "no response": ({"request": {"method": "GET", "url": A}}, "it has no response"),
    "no URL": ({"request": {"method": "GET"}, "response": {"status": 200}}, "its request has no URL"),
    "no status": ({"request": {"method": "GET", "url": A}, "response": {"x": 1}}, "its response has no status"),
    "blocked": (entry(status=0), "blocked, or had no answer"),
    "a status below 0": (entry(status=-1), "its response has no status"),
    "a status that is text": (entry(status="200"), "its response has no status"),
    "a status that is true": (entry(status=True), "its response has no status"),
    "a status of any size": (entry(status=10**4000), "is no final one"),
    "another protocol": (entry(status=101), "is no final one"),
    "an interim one": (entry(status=103), "is no final one"),
    "from a cache": (entry(status=304), "disable the cache"),
    "data": (entry("data:text/plain,x"), "not http or https"),
    "a socket": (entry("wss://a.example/"), "not http or https"),
    "a URL of another type": (entry() | {"request": {"method": "GET", "url": 1}}, "its request has no URL"),
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
    "no method": (entry(method=""), "its request has no method"),
    "a method that is two lines": (entry(method="GET / HTTP/1.1\r\nX: y"), "not a method"),
    "not Base64": (entry(content={"text": "=x", "encoding": "base64"}), "not Base64"),
    "another encoding": (entry(content={"text": "x", "encoding": "rot13"}), "only base64 is known"),
    "many fields": (entry(headers=headers(*[("A", "1")] * 1001)), "more than 1,000 fields"),
    "a large head": (entry(headers=headers(("A", "1" * 300_000))), "more than 262,144 bytes"),
    "content that is too large to be made": (entry(content={"size": 10**9}), "no site can play it"),
    "coded content that the browser did not read": (
        entry(content={"size": -1}, headers=[*SENT, *headers(("Content-Encoding", "br"))]),
        "neither its body, which was coded, nor the body's size",
    ),
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


NO_LOSS = {"blocked", "data", "a socket", "a redirect to https"}


@pytest.mark.parametrize("name", SKIPPED)
def test_what_had_no_answer_or_is_no_http_is_no_loss(name: str) -> None:
    """Anything else should have been kept."""
    with pytest.raises(Skipped) as caught:
        read_entry(SKIPPED[name][0], WANTED)
    assert isinstance(caught.value, NotWanted) is (name in NO_LOSS)


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
