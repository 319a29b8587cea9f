"""Several URLs in one run, and redirects along the way: which files there are, what they match, and the exit codes."""

import asyncio
import ssl
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.embedded import embedded_lab
from services.client import defaults
from services.client.record.command import CannotAsk
from services.client.record.fetch import fetch
from services.client.record.fetch_request import FetchRequest, request_bytes, source_of
from services.client.record.files import CannotWrite, RecordingExists
from services.client.record.program import CannotCombine, Options, check, record
from services.client.record.several import AT_ONCE
from services.client.topology import Topology
from services.runtime.errors import ProgramError
from services.sites.settings import SitesSettings
from tests.client.raw_servers import server_context
from tests.client.record.web import Web, serving


def page(text: str, *fields: str, status: str = "200 OK") -> bytes:
    """Return a response."""
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(text)}", "", text]
    return "\r\n".join(lines).encode()


def redirect(location: str, *fields: str) -> bytes:
    """Return a redirect."""
    return page("", f"Location: {location}", *fields, status="302 Found")


def options(output: Path, urls: Sequence[str], **changes: Any) -> Options:
    """Return what `client record URL... -o OUTPUT` asks for, with changes."""
    usual: dict[str, Any] = {
        "urls": [*urls],
        "follow": False,
        "har": None,
        "name": None,
        "output": str(output),
        "fields": [],
        "head_only": False,
        "max_body": 1_000_000,
        "keep_secrets": False,
        "force": False,
        "ca": None,
        "insecure": False,
        "timeout_s": 20.0,
    }
    return Options(**usual | changes)


Record = Callable[..., int]


@pytest.fixture
def record_from(runner: asyncio.Runner) -> Record:
    """Return a function that records from sites, and returns the exit code."""

    async def go(wanted: Options, web: Web, tls: ssl.SSLContext | None) -> int:
        async with serving(web, tls) as topology:
            return await record(wanted, topology)

    return lambda wanted, web, tls=None: runner.run(go(wanted, web, tls))


@pytest.fixture(scope="module")
def context() -> ssl.SSLContext:
    """Return the context of a server."""
    return server_context("a.example")


def files(directory: Path) -> list[str]:
    """Return the recordings in a directory."""
    return sorted(str(file.relative_to(directory)) for file in directory.rglob("*.http"))


def sidecar(directory: Path, name: str) -> dict[str, Any]:
    """Return what a sidecar says."""
    return tomllib.loads((directory / f"{name}.toml").read_text())


A, B = "http://a.example", "http://b.example"
LAYOUTS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "one URL is its host's own, whatever it is": ([f"{A}/x"], [], ["a.example.http"]),
    "the page at / is the host's own": ([f"{A}/x", f"{A}/"], [], ["a.example.http", "a.example/x.http"]),
    "or else the first": ([f"{A}/x", f"{A}/y"], [], ["a.example.http", "a.example/y.http"]),
    "each host has its own": ([f"{A}/x", f"{B}/x"], [], ["a.example.http", "b.example.http"]),
    "what is there stays": (
        [f"{A}/x", f"{B}/"],
        ["a.example"],
        ["a.example.http", "a.example/x.http", "b.example.http"],
    ),
    "the page at / is then beside it": (
        [f"{A}/x", f"{A}/"],
        ["a.example"],
        ["a.example.http", "a.example/index.http", "a.example/x.http"],
    ),
    "a URL given twice is one": ([f"{A}/", f"{A}/", "a.example"], [], ["a.example.http"]),
}


@pytest.mark.parametrize(("urls", "there", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_each_response_goes_to_its_host(
    tmp_path: Path, record_from: Record, urls: list[str], there: list[str], expected: list[str]
) -> None:
    """The command line alone decides, not which server answers first."""
    for host in there:
        (tmp_path / f"{host}.http").write_bytes(b"mine")
    pages = {f"{host}/{path}": page(f"{host}{path}") for host in (A, B) for path in ("", "x", "y")}
    assert record_from(options(tmp_path, urls), Web(pages)) == 0
    assert files(tmp_path) == expected
    for host in there:
        assert (tmp_path / f"{host}.http").read_bytes() == b"mine"


def test_a_recording_beside_the_hosts_own_says_which_requests_it_is_for(tmp_path: Path, record_from: Record) -> None:
    """Its sidecar has the table [match], without credentials; the host's own sidecar has none."""
    asked = f"{A}/v1/users?page=2&token=t0p"
    assert record_from(options(tmp_path, [A, asked]), Web({f"{A}/": page("a"), asked: page("b")})) == 0
    assert "match" not in sidecar(tmp_path, "a.example")
    (beside,) = (tmp_path / "a.example").glob("*.toml")
    assert beside.name.startswith("v1_users__")
    said = tomllib.loads(beside.read_text())
    assert said["match"] == {"method": "GET", "path": "/v1/users", "query": {"page": "2"}}
    assert said["provenance"]["url"] == f"{A}/v1/users?page=2&token=xxx"
    assert "t0p" not in beside.read_text()


def test_a_few_are_asked_at_once_and_no_more(tmp_path: Path, record_from: Record) -> None:
    """While the first one waits for its answer, so many others get theirs, and no further one is asked."""
    urls = [f"{A}/{number}" for number in range(3 * AT_ONCE)]
    web = Web(dict.fromkeys(urls, page("x")), held=urls[0], until=AT_ONCE - 1)
    assert record_from(options(tmp_path, urls), web) == 0
    assert web.asked_before == AT_ONCE
    assert len(web.asked) == len(urls) == len(files(tmp_path))


CODES: dict[str, tuple[list[bytes], int, int]] = {
    "all are kept": ([page("a"), page("b")], 0, 2),
    "one is not answered": ([page("a"), b""], 1, 1),
    "the first is not answered": ([b"", page("b")], 1, 1),
    "none is answered": ([b"", b""], 4, 0),
    "one is cut short": ([page("a"), page("long")[:-1]], 1, 2),
    "no site can play one": ([page("a"), page("b").replace(b"HTTP/1.1", b"HTTP/2")], 1, 1),
    "nothing of a body": ([page("a"), page("long")[:-4]], 1, 1),
}


@pytest.mark.parametrize(("answers", "code", "kept"), CODES.values(), ids=CODES)
def test_the_exit_code_tells_all_from_some_and_none(
    tmp_path: Path,
    record_from: Record,
    answers: list[bytes],
    code: int,
    kept: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """0, 1 or 4, with a line for each URL; what is kept is what a site can play."""
    pages = {f"{A}/{number}": answer for number, answer in enumerate(answers)}
    assert record_from(options(tmp_path, [*pages]), Web(pages)) == code
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("recorded ") for line in lines) == kept == len(files(tmp_path))
    assert sum(line.startswith("record http") for line in lines) == len(answers) - kept


@pytest.mark.parametrize("there", ["a.example/y.http", "a.example/y.toml"])
def test_nothing_is_asked_if_one_of_the_recordings_is_there(tmp_path: Path, record_from: Record, there: str) -> None:
    """--force replaces it."""
    (tmp_path / "a.example").mkdir()
    (tmp_path / there).write_bytes(b"")
    web = Web({f"{A}/x": page("x"), f"{A}/y": page("y")})
    with pytest.raises(RecordingExists, match=r"y\.(http|toml) is there already: --force replaces it$"):
        record_from(options(tmp_path, [*web.pages]), web)
    assert web.asked == []
    assert record_from(options(tmp_path, [*web.pages], force=True), web) == 0
    assert (tmp_path / "a.example/y.http").read_bytes() == page("y")


def test_force_replaces_the_page_at_the_root_and_what_an_earlier_run_put_beside_it(
    tmp_path: Path, record_from: Record
) -> None:
    """Else an old answer would come before the new one. What a person added to a sidecar stays."""
    (tmp_path / "a.example").mkdir()
    (tmp_path / "a.example.http").write_bytes(page("old"))
    for name in ("index", "x", "x__2", "x__3", "x__5"):
        (tmp_path / f"a.example/{name}.http").write_bytes(page("old"))
        (tmp_path / f"a.example/{name}.toml").write_text('after = "close"\nsequence = 1\ntimes = 3\n')
    web = Web({f"{A}/": page("/"), f"{A}/x": page("x")})
    assert record_from(options(tmp_path, [*web.pages], force=True), web) == 0
    assert files(tmp_path) == ["a.example.http", "a.example/x.http", "a.example/x__5.http"]
    said = sidecar(tmp_path, "a.example/x")
    assert (said["after"], said.keys() & {"match", "sequence", "times"}) == ("close", {"match"})


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
    "nowhere": ({f"{A}/": page("a", status="302 Found")}, 0, {"a.example": "/"}, ""),
}


@pytest.mark.parametrize(("pages", "code", "expected", "said"), FOLLOWED.values(), ids=FOLLOWED)
def test_each_redirect_along_the_way_is_a_recording(
    tmp_path: Path,
    record_from: Record,
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
    assert record_from(wanted, Web(pages), tls=context) == code
    assert said in capsys.readouterr().err
    assert len(files(tmp_path)) == len(expected)
    for name, url in expected.items():
        (file,) = tmp_path.glob(f"{name}.toml")
        found = tomllib.loads(file.read_text())["provenance"]["url"]
        assert found in (url, f"{A}{url}")


def test_credentials_of_a_hop_are_masked(tmp_path: Path, record_from: Record) -> None:
    """In its head, and in the sidecar's match and URL."""
    pages = {f"{A}/": redirect("/cb?code=s3cret", "Set-Cookie: id=s3cret"), f"{A}/cb?code=s3cret": page("in")}
    assert record_from(options(tmp_path, [A], follow=True), Web(pages)) == 0
    for file in [*tmp_path.rglob("*.http"), *tmp_path.rglob("*.toml")]:
        assert "s3cret" not in file.read_text()


def test_another_origin_gets_no_field_that_was_meant_for_the_first(tmp_path: Path, record_from: Record) -> None:
    """As for the survey, and for curl."""
    web = Web({f"{A}/": redirect("/x"), f"{A}/x": redirect(f"{B}/"), f"{B}/": page("b")})
    fields = ["Authorization: Bearer mine", "X-Mine: yes", "Accept-Language: de"]
    assert record_from(options(tmp_path, [A], follow=True, fields=fields), web) == 0
    has = [(b"mine" in head.lower(), b"Accept-Language: de" in head) for _url, head in web.asked]
    assert has == [(True, True), (True, True), (False, True)]


def test_two_chains_that_meet_record_the_page_once(
    tmp_path: Path, record_from: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no failure."""
    pages = {f"{A}/1": redirect("/in"), f"{A}/2": redirect("/in"), f"{A}/in": page("in")}
    assert record_from(options(tmp_path, [f"{A}/1", f"{A}/2"], follow=True), Web(pages)) == 0
    assert files(tmp_path) == ["a.example.http", "a.example/2.http", "a.example/in.http"]
    assert f"record {A}/in: recorded already" in capsys.readouterr().err


def test_urls_that_a_site_cannot_tell_apart_are_not_recorded_over_each_other(
    tmp_path: Path, record_from: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first one is kept, and the exit code says that not all are."""
    urls = [f"{A}/x?token=1", f"{A}/x?token=2"]
    assert record_from(options(tmp_path, urls), Web(dict.fromkeys(urls, page("x")))) == 1
    assert files(tmp_path) == ["a.example.http"]
    assert "left out: a site cannot tell it from" in capsys.readouterr().err


def test_a_hop_whose_recording_is_there_is_left_and_said(
    tmp_path: Path, record_from: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a redirect leads is not known before."""
    (tmp_path / "a.example").mkdir()
    (tmp_path / "a.example/in.http").write_bytes(b"mine")
    web = Web({f"{A}/": redirect("/in"), f"{A}/in": page("in")})
    assert record_from(options(tmp_path, [A], follow=True), web) == 1
    assert (tmp_path / "a.example/in.http").read_bytes() == b"mine"
    assert "in.http is there already: --force replaces it" in capsys.readouterr().err


def test_what_is_recorded_is_played_to_the_byte(tmp_path: Path, runner: asyncio.Runner) -> None:
    """Each URL of each host, from the recordings of one run."""
    pages = {
        f"{A}/": redirect("/home?tab=1"),
        f"{A}/home?tab=1": page("home", "X-Odd:1", "x-odd:  2"),
        f"{A}/Home": b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        f"{A}/v1/users?q=a+b%20c&page=2": page("users"),
        f"{A}/v1/users": page("all users"),
        f"{B}/x/y/": page("", status="404 Not Found"),
        f"{B}/": page("b"),
    }

    async def go() -> None:
        urls = [url for url in pages if "home" not in url]
        async with serving(Web(pages)) as topology:
            assert await record(options(tmp_path, urls, follow=True), topology) == 0
        async with embedded_lab(sites=SitesSettings(directory=tmp_path)) as settings:
            for url, raw in pages.items():
                assert await raw_from(url, settings.topology) == raw

    runner.run(go())


async def raw_from(url: str, topology: Topology, method: str = "GET") -> bytes:
    """Return the bytes that come for a URL."""
    source = source_of(url)
    asked = request_bytes(source, []).replace(b"GET", method.encode(), 1)
    response = await fetch(FetchRequest(source, asked, timeout_s=20, max_body=10**7, tls=None), topology)
    return response.head + response.body


BAD: dict[str, tuple[type[ProgramError], dict[str, Any]]] = {
    "nothing": (CannotCombine, {"urls": []}),
    "a name for several": (CannotCombine, {"name": "c.example"}),
    "a name and redirects": (CannotCombine, {"urls": [A], "follow": True, "name": "c.example"}),
    "several on standard output": (CannotCombine, {"output": "-"}),
    "a HAR file and URLs": (CannotCombine, {"har": "x.har"}),
    "a HAR file and redirects": (CannotCombine, {"urls": [], "har": "x.har", "follow": True}),
    "a HAR file on standard output": (CannotCombine, {"urls": [], "har": "x.har", "output": "-"}),
    "what is no URL": (CannotAsk, {"urls": [A, "ftp://a.example/"]}),
    "what is no host's name": (CannotAsk, {"urls": [A, "http://[::1]/"]}),
    "a host that ends as a file": (CannotAsk, {"urls": [A, "http://a.http/"]}),
    "what is no field": (CannotAsk, {"fields": ["no colon"]}),
    "a path that no match can have": (CannotAsk, {"urls": [A, f"{A}/{'a' * 2048}"]}),
}


@pytest.mark.parametrize(("error", "changes"), BAD.values(), ids=BAD)
def test_what_cannot_be_recorded_is_one_line_before_anything_is_asked(
    tmp_path: Path, runner: asyncio.Runner, error: type[ProgramError], changes: dict[str, Any]
) -> None:
    """Exit code 2."""
    wanted = replace(options(tmp_path, [f"{A}/x", f"{A}/y"]), **changes)

    async def go() -> None:
        check(wanted)
        await record(wanted, Topology({}, closed=True))

    with pytest.raises(error) as caught:
        runner.run(go())
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == []


def test_a_host_whose_directory_cannot_be_made_is_a_file_error(tmp_path: Path, record_from: Record) -> None:
    """What was written before stays, and each file is whole."""
    (tmp_path / "a.example").write_text("a file")
    web = Web({f"{A}/": page("a"), f"{A}/x": page("x")})
    with pytest.RaisesGroup(CannotWrite):
        record_from(options(tmp_path, [*web.pages], force=True), web)
    assert files(tmp_path) == ["a.example.http"]
