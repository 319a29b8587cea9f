"""`client faults` and `client journal`, against a lab in this process and against the lab in containers."""

import json
from pathlib import Path

import anyio.to_thread
import pytest

from services.client.admin import options
from services.client.admin.api import FileUnreadable, WrongUsage
from services.sites.faults.catalog import FAULTS, NOTES
from services.sites.faults.parameters import WHEN
from tests.contract.conftest import Client
from tests.sites.commands import HOST, get, lab
from tests.sites.target import KEEP
from tests.tutorial import HEADS, printed_head


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
            "FAULT   PARAMETERS  WHO                         SEEN  FIRED  TTL LEFT",
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
async def test_a_plan_that_was_listed_can_be_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a rule has seen is left out; what is misspelt is still refused."""
    async with lab(tmp_path) as here:
        await here.run("faults", "set", HOST, "rst_at", "--bytes", "40", "--first", "3", "--seed", "1")
        await get(here.target)
        capsys.readouterr()
        assert await here.run("faults", "list", HOST, "--format", "json") == 0
        listed = capsys.readouterr().out
        await here.run("faults", "clear", HOST)
        capsys.readouterr()
        assert await here.run("faults", "set", HOST, "--plan", listed, "--format", "json") == 0
        again = json.loads(capsys.readouterr().out)
        wanted = {"fault": "rst_at", "bytes": 40, "first": 3, "seed": 1, "per": "request"}
        assert again["faults"] == [{**wanted, "seen": 0, "fired": 0, "remaining_s": None}]
        assert await here.run("faults", "set", HOST, "--plan", listed.replace("seen", "saw")) == 1
        assert "faults[0].saw: is unknown" in capsys.readouterr().err


@pytest.mark.anyio
@pytest.mark.parametrize(
    "words",
    [f"set {HOST} --bytes 40 rst_at", f"--bytes 40 set --seed 1 {HOST} rst_at", f"set {HOST} rst_at --bytes 40"],
)
async def test_options_may_stand_anywhere(tmp_path: Path, words: str) -> None:
    """A person thinks of the offset before the fault, or after it."""
    async with lab(tmp_path) as here:
        assert await here.run("faults", *words.split()) == 0
        assert await get(here.target) == [KEEP[:40]]


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
    "a filter and --clear": ["journal", HOST, "--clear", "--method", "POST"],
    "a filter and --verify": ["journal", HOST, "--verify", '{"absent": [{}]}', "--limit", "3"],
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
async def test_kinds_tell_the_exact_bytes_of_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The documentation is the table that the site itself uses."""
    async with lab(tmp_path) as here:
        assert await here.run("faults", "kinds", HOST) == 0
    shown = capsys.readouterr().out
    for name, fault in FAULTS.items():
        assert f"{name}  (counts: {fault.stage.value})\n    {fault.bytes_sent}\n" in shown
    assert all(f"    {note}\n" in shown for note in NOTES)


@pytest.mark.anyio
@pytest.mark.parametrize(("columns", "most"), [("80", 80), ("40", 40), ("10", 40)])
async def test_kinds_fit_their_terminal(
    columns: str, most: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As tables do; and no word is lost."""
    shown = {}
    async with lab(tmp_path) as here:
        for width in "", columns:
            monkeypatch.setenv("COLUMNS", width)
            assert await here.run("faults", "kinds", HOST) == 0
            shown[width] = capsys.readouterr().out
    assert max(map(len, shown[columns].splitlines())) <= most
    assert "".join(shown[columns].split()) == "".join(shown[""].split())


@pytest.mark.anyio
async def test_kinds_say_which_requests_can_get_a_fault_and_where_it_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A closed port sees no request to choose; it and an accepted connection know no host."""
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
    """They are declared on both sides, since no service imports another; this test compares them."""
    assert set(options.PARAMETERS) == {each.name for fault in FAULTS.values() for each in fault.parameters}
    assert list(options.WHEN) == [each.name for each in WHEN]


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
    """`--ca lab`, in both labs; without it, no authority is trusted for them."""
    fetched = client("wget", "--ca", "lab", *(f"https://{host}/" for host in HEADS))
    assert fetched.returncode == 0, fetched.stderr
    for host in HEADS:
        assert printed_head(host) in fetched.stdout
    distrusted = client("wget", "https://www.163.com/")
    assert distrusted.returncode == 4
    assert "certificate" in distrusted.stderr


@pytest.fixture(params=["embedded", pytest.param("compose", marks=pytest.mark.docker)])
def client(request: pytest.FixtureRequest) -> Client:
    """Return a function that runs the client and returns its output."""
    from tests.contract.conftest import run_embedded

    if request.param == "embedded":
        return run_embedded
    stack = request.getfixturevalue("stack")
    return lambda *words: stack.run_client(words)


@pytest.mark.docker
def test_a_fault_set_by_one_container_reaches_the_next(request: pytest.FixtureRequest) -> None:
    """Set, met, seen in the journal, cleared: each by another client container."""
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
