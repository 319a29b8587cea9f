"""Redirects along the way (`-L`): each hop is a recording, within bounds, and without what is another origin's."""

import ssl
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.client import defaults
from tests.client.raw_servers import server_context
from tests.client.record.web import A, B, Record, Web, files, options, page, redirect


@pytest.fixture(scope="module")
def context() -> ssl.SSLContext:
    """Return the context of a server."""
    return server_context("a.example")


FOLLOWED: dict[str, tuple[dict[str, bytes], int, Mapping[str, str], str]] = {
    "to another page": (
        {f"{A}/": redirect("/home"), f"{A}/home": page("home")},
        0,
        {"a.example": "/", "a.example/home": "/home"},
        "",
    ),
    "to another host": (
        {f"{A}/": redirect(f"{B}/x"), f"{B}/x": page("x")},
        0,
        {"a.example": f"{A}/", "b.example": f"{B}/x"},
        "",
    ),
    "to https, where a site answers the same": (
        {f"{A}/": redirect("https://a.example/"), "https://a.example/": page("secure")},
        0,
        {"a.example": "https://a.example/"},
        "record http://a.example/: left out: a site answers as https://a.example/ here",
    ),
    "with a credential": (
        {f"{A}/": redirect("/cb?code=77&n=1"), f"{A}/cb?code=77&n=1": page("in")},
        0,
        {"a.example": "/", "a.example/cb__*": "/cb?code=xx&n=1"},
        "",
    ),
    "in a loop": (
        {f"{A}/": redirect("/b"), f"{A}/b": redirect("/")},
        1,
        {"a.example": "/", "a.example/b": "/b"},
        f"record {A}/b: redirect loop: it leads back to {A}/",
    ),
    "to itself": ({f"{A}/": redirect("/")}, 1, {"a.example": "/"}, "redirect loop"),
    "on and on": (
        {f"{A}/{number}": redirect(f"/{number + 1}") for number in range(20)},
        1,
        {"a.example": "/0"} | {f"a.example/{number}": f"/{number}" for number in range(1, 11)},
        f"record {A}/10: more than {defaults.MAX_REDIRECTS} redirects",
    ),
    "to what is no URL": ({f"{A}/": redirect("ftp://b.example/")}, 1, {"a.example": "/"}, "is not followed"),
    "to a host that is no name": ({f"{A}/": redirect("http://[::1]/")}, 1, {"a.example": "/"}, ""),
    "to no answer": ({f"{A}/": redirect("/x")}, 1, {"a.example": "/"}, f"record {A}/x: "),
    "to a port that is refused": (
        {f"{A}/": redirect(f"{B}:81/")},
        1,
        {"a.example": "/"},
        f"record {B}:81/: refused: b.example has no port 81",
    ),
    "nowhere": ({f"{A}/": page("a", status="302 Found")}, 0, {"a.example": "/"}, ""),
}


@pytest.mark.parametrize(("pages", "code", "expected", "said"), FOLLOWED.values(), ids=FOLLOWED)
def test_each_redirect_along_the_way_is_a_recording(
    tmp_path: Path,
    record_all: Record,
    pages: dict[str, bytes],
    code: int,
    expected: Mapping[str, str],
    said: str,
    context: ssl.SSLContext,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Up to a bound, each URL once; what came before the end of a chain is kept."""
    start = next(iter(pages))
    wanted = options(tmp_path, [start], follow=True, insecure=True)
    assert record_all(wanted, Web(pages), tls=context) == code
    assert said in capsys.readouterr().err
    assert len(files(tmp_path)) == len(expected)
    for name, url in expected.items():
        (file,) = tmp_path.glob(f"{name}.toml")
        found = tomllib.loads(file.read_text())["provenance"]["url"]
        assert found in (url, f"{A}{url}")


def test_credentials_of_a_hop_are_masked(tmp_path: Path, record_all: Record) -> None:
    """In its head, and in the sidecar's match and URL."""
    pages = {f"{A}/": redirect("/cb?code=s3cret", "Set-Cookie: id=s3cret"), f"{A}/cb?code=s3cret": page("in")}
    assert record_all(options(tmp_path, [A], follow=True), Web(pages)) == 0
    for file in [*tmp_path.rglob("*.http"), *tmp_path.rglob("*.toml")]:
        assert "s3cret" not in file.read_text()


def test_another_origin_gets_no_field_that_was_meant_for_the_first(tmp_path: Path, record_all: Record) -> None:
    """As for the survey, and for curl."""
    web = Web({f"{A}/": redirect("/x"), f"{A}/x": redirect(f"{B}/"), f"{B}/": page("b")})
    fields = ["Authorization: Bearer mine", "X-Mine: yes", "Accept-Language: de"]
    assert record_all(options(tmp_path, [A], follow=True, fields=fields), web) == 0
    has = [(b"mine" in head.lower(), b"Accept-Language: de" in head) for _url, head in web.asked]
    assert has == [(True, True), (True, True), (False, True)]


def test_two_chains_that_meet_record_the_page_once(
    tmp_path: Path, record_all: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no failure."""
    pages = {f"{A}/1": redirect("/in"), f"{A}/2": redirect("/in"), f"{A}/in": page("in")}
    assert record_all(options(tmp_path, [f"{A}/1", f"{A}/2"], follow=True), Web(pages)) == 0
    assert files(tmp_path) == ["a.example.http", "a.example/2.http", "a.example/in.http"]
    assert f"record {A}/in: recorded already" in capsys.readouterr().err


def test_a_hop_whose_recording_is_there_is_left_and_said(
    tmp_path: Path, record_all: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a redirect leads is not known before."""
    (tmp_path / "a.example").mkdir()
    (tmp_path / "a.example/in.http").write_bytes(b"mine")
    web = Web({f"{A}/": redirect("/in"), f"{A}/in": page("in")})
    assert record_all(options(tmp_path, [A], follow=True), web) == 1
    assert (tmp_path / "a.example/in.http").read_bytes() == b"mine"
    assert "in.http is there already: --force replaces it" in capsys.readouterr().err
