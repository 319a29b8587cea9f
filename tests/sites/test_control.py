"""`client faults` and `client journal`, against a lab in this process and against the lab in containers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio.to_thread
import pytest

from lab.embedded import SiteRoutes
from services.client import site_options
from services.client.admin import FileUnreadable, WrongUsage
from services.client.cli import understand
from services.client.settings import ClientSettings
from services.client.topology import Topology
from services.runtime.run import Stop
from services.sites.faults.kinds import FAULTS, NOTES, WHEN
from tests.contract.conftest import Client
from tests.sites.peer import listen
from tests.sites.target import KEEP, Target, sites, target_of
from tests.tutorial import HEADS, printed_head

HOST = "keep.test"


class Lab:
    """A site, and the client's commands against it."""

    def __init__(self, target: Target, settings: ClientSettings) -> None:
        self.target, self._settings = target, settings

    async def run(self, *words: str) -> int:
        """Run a command line of the client and return its exit code."""
        invocation = await anyio.to_thread.run_sync(partial(understand, words, default_loop="asyncio"))
        return await invocation.main(self._settings, Stop())


@asynccontextmanager
async def lab(directory: Path) -> AsyncIterator[Lab]:
    """Run a site that the client can reach by its name."""
    async with sites({f"{HOST}.http": KEEP}, directory) as running:
        settings = ClientSettings(topology=Topology(SiteRoutes(running), closed=True))
        yield Lab(await target_of(running, HOST), settings)


async def get(target: Target, times: int = 1) -> list[bytes]:
    """Make requests on connections of their own, and return what each got."""

    def ask() -> bytes:
        with target.peer.connect() as connection:
            connection.sendall(target.peer.get())
            return listen(connection, len(KEEP)).data

    return [await anyio.to_thread.run_sync(ask) for _ in range(times)]


@pytest.mark.anyio
async def test_a_fault_is_set_listed_and_cleared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first three connections after the command get it, and the list says so."""
    async with lab(tmp_path) as here:
        assert await here.run("faults", "set", HOST, "rst_at", "--bytes", "40", "--first", "3", "--seed", "1") == 0
        assert await get(here.target, 4) == [KEEP[:40]] * 3 + [KEEP]
        capsys.readouterr()
        assert await here.run("faults", "list", HOST) == 0
        assert capsys.readouterr().out.splitlines() == [
            "keep.test: plan 2 (admin)",
            "FAULT   PARAMETERS  WHO                         SEEN  FIRED  LEFT",
            "rst_at  bytes=40    first=3 seed=1 per=request  4     3      -",
        ]
        assert await here.run("faults", "clear", HOST) == 0
        assert capsys.readouterr().out == "keep.test: plan 3 (admin): no faults\n"
        assert await here.run("faults", "reset", HOST) == 0
        assert capsys.readouterr().out == "keep.test: plan 4 (sidecar): no faults\n"


@pytest.mark.anyio
async def test_a_plan_is_taken_from_the_command_line_or_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list of rules, or an object with one."""
    rules = [{"fault": "status", "status": 503, "every": 2}, {"fault": "delay", "seconds": 0.01}]
    async with lab(tmp_path) as here:
        await anyio.Path(tmp_path, "plan.json").write_text(json.dumps({"faults": rules}))
        for plan in (json.dumps(rules), str(tmp_path / "plan.json")):
            assert await here.run("faults", "set", HOST, "--plan", plan, "--format", "json") == 0
            shown = json.loads(capsys.readouterr().out)
            assert [
                {name: rule[name] for name in wanted} for rule, wanted in zip(shown["faults"], rules, strict=True)
            ] == rules


@pytest.mark.anyio
async def test_a_refused_plan_is_exit_1_with_a_line_for_each_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan in force stays."""
    async with lab(tmp_path) as here:
        assert await here.run("faults", "set", HOST, "rst_at", "--bytes", "4000", "--hops", "3") == 1
        assert capsys.readouterr().err.splitlines() == [
            f"faults {HOST}: faults[0].hops: is unknown: rst_at has bytes, first, every, probability, seed, ttl_s, per"
        ]
        assert await here.run("faults", "set", HOST, "rst_at", "--bytes", "4000") == 1
        assert "faults[0].bytes: 4000 is beyond the head, which has" in capsys.readouterr().err
        assert await get(here.target) == [KEEP]


@pytest.mark.anyio
async def test_an_unknown_site_is_exit_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing answered, and the line says why."""
    async with lab(tmp_path) as here:
        assert await here.run("faults", "list", "no.such.host") == 4
        assert await here.run("journal", "no.such.host") == 4
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "faults no.such.host",
        "journal no.such.host",
    ]


@pytest.mark.anyio
async def test_a_refused_host_can_still_be_controlled(tmp_path: Path) -> None:
    """The admin side has a port of its own."""
    async with lab(tmp_path) as here:
        assert await here.run("faults", "set", HOST, "refuse") == 0
        with pytest.raises(ConnectionRefusedError):
            await get(here.target)
        assert await here.run("faults", "clear", HOST) == 0
        assert await get(here.target) == [KEEP]


WRONG = {
    "set without a fault": ["faults", "set", HOST],
    "set with both": ["faults", "set", HOST, "drip", "--plan", "[]"],
    "a plan and options": ["faults", "set", HOST, "--plan", "[]", "--bytes", "3"],
    "list with a fault": ["faults", "list", HOST, "drip"],
    "clear with options": ["faults", "clear", HOST, "--first", "3"],
    "a plan that is not JSON": ["faults", "set", HOST, "--plan", "[{"],
    "expectations that are not JSON": ["journal", HOST, "--verify", "{"],
}


@pytest.mark.anyio
@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG)
async def test_wrong_usage_is_refused_before_anything_is_sent(tmp_path: Path, words: list[str]) -> None:
    """Exit code 2."""
    async with lab(tmp_path) as here:
        with pytest.raises(WrongUsage) as caught:
            await here.run(*words)
        assert caught.value.exit_code == 2
        _status, plans = await here.target.call("GET", "/faults")
        assert plans["generation"] == 1


@pytest.mark.anyio
async def test_a_plan_that_cannot_be_read_is_exit_3(tmp_path: Path) -> None:
    """With the file's name and the reason."""
    async with lab(tmp_path) as here:
        with pytest.raises(FileUnreadable, match="cannot read /no/such/file: No such file") as caught:
            await here.run("faults", "set", HOST, "--plan", "/no/such/file")
        assert caught.value.exit_code == 3


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
        assert capsys.readouterr().err == "journal: total 0, kept 0, dropped 0\n"


@pytest.mark.anyio
async def test_what_a_client_sent_escapes_to_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters of a request are shown as what they are."""
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


@pytest.mark.anyio
async def test_kinds_tell_the_exact_bytes_of_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The documentation is the table that the site itself uses."""
    async with lab(tmp_path) as here:
        assert await here.run("faults", "kinds", HOST) == 0
    shown = capsys.readouterr().out
    for name, fault in FAULTS.items():
        assert f"{name}  (counts: {fault.stage.value})\n    {fault.oracle}\n" in shown
    assert all(f"    {note}\n" in shown for note in NOTES)


@pytest.mark.anyio
async def test_kinds_say_who_can_get_a_fault_and_where_it_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A closed port sees nobody to choose from, and neither it nor an accepted connection tells hosts apart."""
    async with lab(tmp_path) as here:
        assert await here.run("faults", "kinds", HOST) == 0
    told = capsys.readouterr().out.partition("\nrefuse  ")[2].partition("\ntls_stall")[0].splitlines()
    assert told[-2:] == ["    needs the host's own port", "    who gets it: only ttl_s"]
    assert {name for name, fault in FAULTS.items() if fault.needs_own_port} == {
        "accept_then_silent",
        "accept_then_close",
        "refuse",
    }


def test_the_clients_options_are_the_sites_parameters() -> None:
    """They are declared on both sides, since no service imports another: here is what holds them together."""
    assert set(site_options.PARAMETERS) == {each.name for fault in FAULTS.values() for each in fault.parameters}
    assert list(site_options.WHEN) == [each.name for each in WHEN]


def test_the_commands_work_in_both_labs(client: Client) -> None:
    """`list` and `journal` reach the site by its name, embedded and in Compose."""
    listed = client("faults", "list", "www.163.com", "--format", "json")
    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout)["host"] == "www.163.com"
    shown = client("journal", "www.163.com", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    entries = json.loads(shown.stdout)
    assert entries["kept"] + entries["dropped"] == entries["total"]


def test_the_labs_certificates_are_trusted_by_one_option(client: Client) -> None:
    """`--ca lab`, in both labs; without it, nobody vouches for them."""
    fetched = client("wget", "--ca", "lab", *(f"https://{host}/" for host in HEADS))
    assert fetched.returncode == 0, fetched.stderr
    for host in HEADS:
        assert printed_head(host) in fetched.stdout
    distrusted = client("wget", "https://www.163.com/")
    assert distrusted.returncode == 4
    assert "certificate" in distrusted.stderr


@pytest.fixture(params=["embedded", pytest.param("compose", marks=pytest.mark.docker)])
def client(request: pytest.FixtureRequest) -> Client:
    """Return what runs the client, and gives what it printed."""
    from tests.contract.conftest import run_embedded

    if request.param == "embedded":
        return run_embedded
    stack = request.getfixturevalue("stack")
    return lambda *words: stack.run_client(words)


@pytest.mark.docker
def test_a_fault_set_by_one_container_strikes_the_next(request: pytest.FixtureRequest) -> None:
    """Set, met, seen in the journal, cleared: each by a client of its own."""
    run = request.getfixturevalue("stack").run_client
    try:
        assert run(["faults", "set", "www.163.com", "rst_at", "--bytes", "40", "--first", "1"]).returncode == 0
        fetched = run(["wget", "www.163.com"])
        assert fetched.returncode != 0
        assert run(["wget", "www.163.com"]).returncode == 0
        shown = json.loads(run(["journal", "www.163.com", "--fault", "rst_at", "--format", "json"]).stdout)
        assert [(entry["sent_bytes"], entry["ended"]) for entry in shown["entries"]] == [(40, "rst")]
    finally:
        assert run(["faults", "clear", "www.163.com"]).returncode == 0
