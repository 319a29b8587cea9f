"""`client journal`: what of a journal is shown, verified and cleared."""

import json
from dataclasses import replace
from pathlib import Path

import anyio.to_thread
import pytest

from lab.embedded.sites import SiteRoutes
from services.client.admin import options
from services.client.admin.api import WrongUsage
from services.client.admin.journal import Options, each_server
from services.client.settings import ClientSettings
from services.client.topology import Topology
from services.sites.admin.journal.query import FILTERS
from tests.sites.commands import HOST, Lab, get, lab
from tests.sites.peer import listen
from tests.sites.target import KEEP, sites, target_of


@pytest.mark.anyio
async def test_the_journal_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line an exchange on stdout, the counts on stderr."""
    async with lab(tmp_path) as here:
        await get(here.target)
        await here.run("faults", "set", HOST, "rst_at", "--bytes", "40")
        await get(here.target)
        await here.target.ended()
        capsys.readouterr()
        assert await here.run("journal", HOST) == 0
        shown = capsys.readouterr()
        head, first, second = (line.split() for line in shown.out.splitlines())
        assert head == ["ENTRY", "CONN", "PEER", "REQUEST", "STATUS", "SENT", "FAULT", "ENDED", "TOOK"]
        assert first[:2] + first[3:9] == ["1", "1.1", "GET", "/", "HTTP/1.1", "200", str(len(KEEP)), "-"]
        assert second[6:12] == ["200", "40", "rst_at", "(plan", "2)", "rst"]
        assert shown.err == "journal: total 2, kept 2, dropped 0\n"
        assert await here.run("journal", HOST, "--fault", "rst_at", "--format", "json") == 0
        assert [entry["entry"] for entry in json.loads(capsys.readouterr().out)["entries"]] == [2]
        assert await here.run("journal", HOST, "--clear") == 0
        assert capsys.readouterr().err == "journal: keep.test begins anew\n"
        assert await here.run("journal", HOST) == 0
        assert capsys.readouterr().out == ""


@pytest.mark.anyio
async def test_bodies_and_other_responses_have_columns_where_there_are_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The size of each body, and the recording or the play that was sent."""
    async with lab(tmp_path) as here:
        await get(here.target)
        await here.target.play(KEEP, match={"method": "POST"})
        post = here.target.peer.get(method="POST", fields="Content-Length: 5\r\nConnection: close\r\n") + b"hello"
        await anyio.to_thread.run_sync(here.target.peer.ask, post)
        assert await here.run("journal", HOST) == 0
        head, first, second = (line.split() for line in capsys.readouterr().out.splitlines())
        assert head[3:7] == ["REQUEST", "BODY", "STATUS", "RESPONSE"]
        assert (first[6:9], second[6:10]) == (["0", "200", f"{HOST}.http"], ["5", "200", "play", "1"])
        assert (
            await here.run("journal", HOST, "--response", "play 1", "--body-contains", "ell", "--format", "json") == 0
        )
        assert [entry["entry"] for entry in json.loads(capsys.readouterr().out)["entries"]] == [2]


@pytest.mark.anyio
async def test_control_characters_of_a_request_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also in its journal entry on a terminal."""
    async with lab(tmp_path) as here:

        def ask() -> None:
            with here.target.peer.connect() as connection:
                connection.sendall(here.target.peer.get("/\x1b[31m\x9b"))
                listen(connection, len(KEEP))

        await anyio.to_thread.run_sync(ask)
        await here.run("journal", HOST)
    shown = capsys.readouterr().out
    assert r"GET /\x1b[31m\x9b HTTP/1.1" in shown
    assert "\x1b" not in shown


@pytest.mark.anyio
async def test_expectations_are_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 where they hold, 1 with the nearest miss where they do not."""
    async with lab(tmp_path) as here:
        await get(here.target, 2)
        assert (
            await here.run("journal", HOST, "--verify", '{"expect": [{"match": {"method": "GET"}, "count": 2}]}') == 0
        )
        assert capsys.readouterr().out == "as expected (2 entries)\n"
        assert await here.run("journal", HOST, "--verify", '{"expect": [{"match": {"target": "/x"}}]}') == 1
        assert capsys.readouterr().out.splitlines()[:2] == [
            "expect[0]: expected at least 1, found 0",
            "    nearest: entry 1: target: '/' is not '/x'",
        ]
        assert (
            await here.run("journal", HOST, "--verify", '{"expect": [{"count": 3}], "order": [{}, {"tls": true}]}') == 1
        )
        assert capsys.readouterr().out.splitlines() == [
            "expect[0]: expected exactly 3, found 2",
            "    found: entry 1",
            "    found: entry 2",
            "order[1]: expected an entry after 1, found 0",
            "    found: entry 1",
            "    nearest: entry 2: tls: False is not True",
        ]


@pytest.mark.anyio
async def test_the_journal_of_a_site_reaches_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a server plays several hosts: shown, verified and cleared is SITE's alone, unless --all is said."""
    async with sites({f"{host}.http": KEEP for host in (HOST, "b.test")}, tmp_path) as running:
        settings = ClientSettings(topology=Topology(SiteRoutes(running), closed=True))
        here, other = Lab(await target_of(running, HOST), settings), await target_of(running, "b.test")
        await get(here.target)
        await get(other, 2)
        for check in ('"absent": [{}]', '"order": [{}, {}]', '"expect": [{"count": 3}]'):
            own = await here.run("journal", HOST, "--verify", f'{{{check}, "since": 1}}')
            everybodys = await here.run("journal", HOST, "--all", "--verify", f"{{{check}}}")
            assert (own, everybodys) == ((0, 1) if "absent" in check else (1, 0)), check
        assert await here.run("journal", HOST, "--verify", '{"at_once": [{"at_most": 1}]}') == 0
        assert await here.run("journal", HOST, "--verify", '{"absent": [{"host": "b.test"}]}') == 1, "it was named"
        assert await here.run("journal", HOST, "--verify", '{"absent": [3], "expect": [4]}') == 1
        assert "absent[0]: is not an object" in capsys.readouterr().err
        assert await here.run("journal", HOST, "--clear") == 0
        assert (len(await here.target.entries()), len(await other.entries())) == (0, 2)
        assert await here.run("journal", HOST, "--clear", "--all") == 0
        assert await other.entries() == []


@pytest.mark.anyio
async def test_all_needs_no_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where one server plays all hosts, it is asked once."""
    async with sites({f"{host}.http": KEEP for host in (HOST, "b.test")}, tmp_path) as running:
        settings = ClientSettings(topology=Topology(SiteRoutes(running), closed=True))
        here, other = Lab(await target_of(running, HOST), settings), await target_of(running, "b.test")
        await get(here.target)
        await get(other, 2)
        assert await here.run("journal", "--all", "--format", "json") == 0
        assert [entry["host"] for entry in json.loads(capsys.readouterr().out)["entries"]] == [HOST, "b.test", "b.test"]
        assert await here.run("journal", "--all", "--verify", '{"expect": [{"count": 3}]}') == 0
        assert await here.run("journal", "--all", "--clear") == 0
        assert await other.entries() == []
        with pytest.raises(WrongUsage, match="Name one, as www"):
            await here.run("journal")


def test_behind_a_gateway_each_host_is_asked_for_its_own() -> None:
    """Which of them share a journal cannot be seen from there; and where no host is known, a person names one."""
    everything = Options(site=None, all=True, clear=False, verify=None, filters={}, format="human")
    gateway = ("192.0.2.1", 3128)
    routes = {(host, port): gateway for host in ("b.test", "a.test") for port in (80, 443, 8081)}
    behind = ClientSettings(topology=Topology(routes, closed=True, gateway=gateway))
    assert [(each.site, each.all) for each in each_server(everything, behind)] == [("a.test", False), ("b.test", False)]
    with pytest.raises(WrongUsage, match="several journals: name a SITE"):
        each_server(replace(everything, verify="{}"), behind)
    with pytest.raises(WrongUsage, match="does not know which hosts there are"):
        each_server(everything, ClientSettings())


@pytest.mark.anyio
async def test_a_long_target_is_cut_also_in_a_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that a table has columns; as JSON, all of it is there."""
    async with lab(tmp_path) as here:
        target = f"/{'a' * 2_000}"
        await here.target.bodies("/", target)
        await here.run("journal", HOST)
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) < 200
        assert f"GET /{'a' * 72}..." in lines[2]
        await here.run("journal", HOST, "--format", "json")
        assert target in capsys.readouterr().out


@pytest.mark.anyio
async def test_every_filter_of_the_admin_side_is_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Except host, which is SITE; and each finds the right entries."""
    assert {"host", *options.FILTERS} == {*FILTERS, "since", "limit"}
    async with lab(tmp_path) as here:
        await get(here.target, 2)
        await here.run("faults", "set", HOST, "drip", "--bytes", "4096")
        await get(here.target)
        peer = str((await here.target.ended())[1]["peer"])
        for words, numbers in {
            "--tls false --exchange 1": [1, 2, 3],
            "--tls true": [],
            f"--peer {peer}": [2],
            "--generation 2": [3],
            f"--head-contains {HOST}": [1, 2, 3],
            "--head-contains nowhere": [],
        }.items():
            capsys.readouterr()
            assert await here.run("journal", HOST, "--format", "json", *words.split()) == 0
            assert [entry["entry"] for entry in json.loads(capsys.readouterr().out)["entries"]] == numbers, words
