"""Several URLs in one run: which files there are, what they match, and the exit codes."""

import asyncio
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.embedded.program import embedded_lab
from services.client.record.command import CannotAsk
from services.client.record.files import CannotWrite, RecordingExists
from services.client.record.options import CannotCombine, check
from services.client.record.program import record
from services.client.record.several import AT_ONCE
from services.client.topology import Topology
from services.runtime.errors import ProgramError
from services.sites.settings import SitesSettings
from tests.client.record.web import A, B, Record, Web, files, options, page, raw_from, redirect, serving, sidecar

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
    tmp_path: Path, record_all: Record, urls: list[str], there: list[str], expected: list[str]
) -> None:
    """The command line alone decides, not which server answers first."""
    for host in there:
        (tmp_path / f"{host}.http").write_bytes(b"mine")
    pages = {f"{host}/{path}": page(f"{host}{path}") for host in (A, B) for path in ("", "x", "y")}
    assert record_all(options(tmp_path, urls), Web(pages)) == 0
    assert files(tmp_path) == expected
    for host in there:
        assert (tmp_path / f"{host}.http").read_bytes() == b"mine"


def test_a_recording_beside_the_hosts_own_says_which_requests_it_is_for(tmp_path: Path, record_all: Record) -> None:
    """Its sidecar has the table [match], without credentials; the host's own sidecar has none."""
    asked = f"{A}/v1/users?page=2&token=t0p"
    assert record_all(options(tmp_path, [A, asked]), Web({f"{A}/": page("a"), asked: page("b")})) == 0
    assert "match" not in sidecar(tmp_path, "a.example")
    (beside,) = (tmp_path / "a.example").glob("*.toml")
    assert beside.name.startswith("v1_users__")
    said = tomllib.loads(beside.read_text())
    assert said["match"] == {"method": "GET", "path": "/v1/users", "query": {"page": "2"}}
    assert said["provenance"]["url"] == f"{A}/v1/users?page=2&token=xxx"
    assert "t0p" not in beside.read_text()


def test_a_few_are_asked_at_once_and_no_more(tmp_path: Path, record_all: Record) -> None:
    """While the first one waits for its answer, so many others get theirs, and no further one is asked."""
    urls = [f"{A}/{number}" for number in range(3 * AT_ONCE)]
    web = Web(dict.fromkeys(urls, page("x")), held=urls[0], until=AT_ONCE - 1)
    assert record_all(options(tmp_path, urls), web) == 0
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
    record_all: Record,
    answers: list[bytes],
    code: int,
    kept: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """0, 1 or 4, with a line for each URL; what is kept is what a site can play."""
    pages = {f"{A}/{number}": answer for number, answer in enumerate(answers)}
    assert record_all(options(tmp_path, [*pages]), Web(pages)) == code
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("recorded ") for line in lines) == kept == len(files(tmp_path))
    assert sum(line.startswith("record http") for line in lines) == len(answers) - kept


@pytest.mark.parametrize("there", ["a.example/y.http", "a.example/y.toml"])
def test_nothing_is_asked_if_one_of_the_recordings_is_there(tmp_path: Path, record_all: Record, there: str) -> None:
    """--force replaces it."""
    (tmp_path / "a.example").mkdir()
    (tmp_path / there).write_bytes(b"")
    web = Web({f"{A}/x": page("x"), f"{A}/y": page("y")})
    with pytest.raises(RecordingExists, match=r"y\.(http|toml) is there already: --force replaces it$"):
        record_all(options(tmp_path, [*web.pages]), web)
    assert web.asked == []
    assert record_all(options(tmp_path, [*web.pages], force=True), web) == 0
    assert (tmp_path / "a.example/y.http").read_bytes() == page("y")


def test_force_replaces_the_page_at_the_root_and_what_an_earlier_run_put_beside_it(
    tmp_path: Path, record_all: Record
) -> None:
    """Else an old answer would come before the new one. What a person added to a sidecar stays."""
    (tmp_path / "a.example").mkdir()
    (tmp_path / "a.example.http").write_bytes(page("old"))
    for name in ("index", "x", "x__2", "x__3", "x__5"):
        (tmp_path / f"a.example/{name}.http").write_bytes(page("old"))
        (tmp_path / f"a.example/{name}.toml").write_text('after = "close"\nsequence = 1\ntimes = 3\n')
    web = Web({f"{A}/": page("/"), f"{A}/x": page("x")})
    assert record_all(options(tmp_path, [*web.pages], force=True), web) == 0
    assert files(tmp_path) == ["a.example.http", "a.example/x.http", "a.example/x__5.http"]
    said = sidecar(tmp_path, "a.example/x")
    assert (said["after"], said.keys() & {"match", "sequence", "times"}) == ("close", {"match"})


def test_urls_that_a_site_cannot_tell_apart_are_not_recorded_over_each_other(
    tmp_path: Path, record_all: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first one is kept, and the exit code says that not all are."""
    urls = [f"{A}/x?token=1", f"{A}/x?token=2"]
    assert record_all(options(tmp_path, urls), Web(dict.fromkeys(urls, page("x")))) == 1
    assert files(tmp_path) == ["a.example.http"]
    assert "left out: a site cannot tell it from" in capsys.readouterr().err


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


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
@pytest.mark.parametrize("names", ["", "x"], ids=["one", "several"])
def test_nothing_is_asked_for_a_directory_that_cannot_be_written(
    place: str, names: str, tmp_path: Path, record_all: Record
) -> None:
    """A site may count who asks."""
    (tmp_path / "file").touch()
    web = Web({f"{A}/{each}": page("a") for each in ("", names)})
    with pytest.raises(CannotWrite):
        record_all(options(tmp_path / place, [*web.pages]), web)
    assert web.asked == []


def test_a_host_whose_directory_cannot_be_made_is_a_file_error(tmp_path: Path, record_all: Record) -> None:
    """What was written before stays, and each file is whole."""
    (tmp_path / "a.example").write_text("a file")
    web = Web({f"{A}/": page("a"), f"{A}/x": page("x")})
    with pytest.RaisesGroup(CannotWrite):
        record_all(options(tmp_path, [*web.pages], force=True), web)
    assert files(tmp_path) == ["a.example.http"]
