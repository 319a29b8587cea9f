"""-H, --method and --path: what is asked, and what a redirect may not take elsewhere."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.client.record.secrets import mask
from services.client.survey.fetch.request_fields import for_another_origin, read_fields
from services.client.topology import Topology
from services.runtime.errors import BadSetting
from tests.client.peers import Peer, serving
from tests.client.survey.hostile import OK
from tests.client.survey.surveys import record_of, run_client

USUAL = ["Host: host", "User-Agent: asynclab", "Accept: */*", "Connection: close"]


def noting(heads: list[list[str]], answer: bytes = OK) -> Peer:
    """Return a peer that notes the lines of each request."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2])
        writer.write(answer)

    return peer


async def asked(target: str, output: Path, **options: Any) -> list[str]:
    """Return the lines of the request for a target."""
    heads: list[list[str]] = []
    async with serving(host=noting(heads)) as topology:
        await record_of(target, output, topology, **options)
    return heads[0]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ([], USUAL),
        (["X-A: b", "x-a:  c "], [*USUAL, "X-A: b", "x-a: c"]),
        (["user-agent: mine"], [USUAL[0], *USUAL[2:], "user-agent: mine"]),
        (["Accept:"], [USUAL[0], USUAL[1], USUAL[3]]),
        (["X-A: b", "host: virtual.test"], ["host: virtual.test", *USUAL[1:], "X-A: b"]),
        (["Cookie: a=b; c=d"], [*USUAL, "Cookie: a=b; c=d"]),
    ],
    ids=["none", "again for more", "replaces", "takes away", "host", "cookie"],
)
async def test_fields_are_sent(fields: list[str], lines: list[str], tmp_path: Path) -> None:
    """In the order in which they are given, and Host first."""
    assert await asked("host", tmp_path / "out", header=fields) == ["GET / HTTP/1.1", *lines]


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", ": x", "a b: x", "a: b\r\nc: d", "a: \0", "a: \x1b[2J", "a: \x7f", "a: \u00e9", "a\n: b"),
        *("Content-Length: 1", "transfer-encoding: chunked", "Expect: 100-continue", "Upgrade: h2c", "Host:"),
        "a: " + "x" * 20_000,
    ],
)
def test_what_is_no_field_is_refused(text: str) -> None:
    """Also fields of a body, which is not sent: the server would wait for it."""
    with pytest.raises(BadSetting, match="-H="):
        read_fields([text])


def test_fields_are_bounded_and_host_is_one() -> None:
    """In number and size, together."""
    for texts in ["a: b"] * 65, ["a: " + "x" * 9_000] * 2, ["Host: a", "host: b"]:
        with pytest.raises(BadSetting, match="-H="):
            read_fields(texts)


def test_a_field_that_cannot_be_sent_is_one_line() -> None:
    """Before anything is asked."""
    result = run_client("host", "-H", "a: b\r\nc: d")
    assert (result.returncode, result.stdout, result.stderr.count(b"\n")) == (2, b"", 2)
    assert b"client: -H='a: b\\r\\nc: d' is not a field" in result.stderr


KEYS = [
    "Ocp-Apim-Subscription-Key",
    "X-Functions-Key",
    "X-Signature",
    "X-Amz-Signature",
    "X-Otp",
    "X-Sid",
    "X-Client-Cert",
]


def test_only_harmless_fields_are_sent_to_another_origin() -> None:
    """By a list of names; a field that is not on it is not sent."""
    names = ["Host", "Authorization", "COOKIE", "Proxy-Authorization", "X-Api-Key", *KEYS, "X-Trace", "Zzz", "From"]
    kept = [f"{name}: x" for name in [*names, "Referer", "If-None-Match"]]
    taken = ["Accept-Language: de", "User-Agent: me", "accept: text/html", "Range: bytes=0-9", "If-Range: x", "DNT: 1"]
    assert for_another_origin(read_fields([*kept, *taken])) == read_fields(taken)


@pytest.mark.parametrize("name", KEYS)
def test_a_recording_masks_what_is_named_like_a_key(name: str) -> None:
    """As a field, and as a parameter of a URL."""
    field = f"{name}: abc\r\n".encode()
    assert mask(field)[0] == field.replace(b"abc", b"xxx")
    parameter = f"Location: /?a=1&{name.replace('-', '_')}=abc\r\n".encode()
    assert mask(parameter)[0] == parameter.replace(b"abc", b"xxx")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("location", "stays"),
    [("/next", True), ("http://host/next", True), ("http://other/next", False), ("http://host:81/next", False)],
)
async def test_a_redirect_takes_no_credentials_to_another_origin(location: str, stays: bool, tmp_path: Path) -> None:
    """Scheme, host and port are the origin (RFC 6454); a hop that leads back has them again."""
    first: list[list[str]] = []
    second: list[list[str]] = []
    back: list[list[str]] = []
    fields = ["Authorization: Bearer x", "Cookie: a=b", "X-Trace: 1", "Accept-Language: de", "Host: virtual.test"]

    async def by_path(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        path = head[0].split(" ")[1]
        {"/": first, "/next": second, "/back": back}[path].append(head)
        to = {"/": location, "/next": "http://host/back"}.get(path)
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {to}\r\n\r\n".encode() if to else OK)

    async with serving(host=by_path) as topology:
        where = topology.routes["host", 80]
        routes = Topology({("host", 80): where, ("host", 81): where, ("other", 80): where}, closed=True)
        record = await record_of("host", tmp_path / "out", routes, header=fields, follow=True)
    assert record["error"] is None
    assert set(fields) < set(first[0])
    assert set(fields) < set(back[0])
    assert (set(fields) < set(second[0])) is stays
    if not stays:
        host = location.split("/")[2]
        assert second[0][1:] == [f"Host: {host}", *USUAL[1:], "Accept-Language: de"]


@pytest.mark.anyio
async def test_a_head_is_asked_for_without_its_body(tmp_path: Path) -> None:
    """--method HEAD, also after a redirect."""
    assert (await asked("host", tmp_path / "out", method="HEAD"))[0] == "HEAD / HTTP/1.1"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("host", "/robots.txt?a=b"),
        ("host:80", "/robots.txt?a=b"),
        ("http://host", "/robots.txt?a=b"),
        ("HTTP://host:80", "/robots.txt?a=b"),
        ("http://host/", "/"),
        ("http://host?x", "/?x"),
        ("http://host/#x", "/"),
        ("host/", "/"),
        ("host/x", "/x"),
        ("host?x", "/?x"),
    ],
)
async def test_a_path_is_for_targets_that_name_none(target: str, path: str, tmp_path: Path) -> None:
    """With a scheme or without: a slash names the root, and a query is of the root, too."""
    assert (await asked(target, tmp_path / "out", path="/robots.txt?a=b"))[0] == f"GET {path} HTTP/1.1"


@pytest.mark.parametrize("path", ["", "x", "http://x/", "/a b", "/a\nb", "/\u00e9", "/#x", "/" + "x" * 5_000, "/\x7f"])
def test_what_is_no_path_is_refused(path: str) -> None:
    """In one line."""
    result = run_client("host", "--path", path)
    assert (result.returncode, result.stderr.count(b"\n")) == (2, 1)
    assert b"--path" in result.stderr
