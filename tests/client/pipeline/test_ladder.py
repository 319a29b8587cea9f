"""`client pipeline --edition all`: every edition on the same input, and what each costs."""

import json
import os
from itertools import count
from pathlib import Path

import pytest

from services.client.pipeline.command import Options, main
from services.client.pipeline.runs import ladder
from services.client.pipeline.runs.ladder import GUARANTEES, LADDER, ReadOnce, Rung, have_same_results, table
from services.client.pipeline.stages import Item, Result
from services.client.settings import ClientSettings
from services.runtime.run import Stop
from services.runtime.settings import LOOPS
from tests.client.pipeline.editions import run_command
from tests.tutorial import DIALOGUE

RESULTS = frozenset({(1, "200 OK"), (2, "200 OK")})


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure few numbers."""
    monkeypatch.setattr(ladder, "MEASURED_ITEMS", 50)


@pytest.mark.parametrize("loop", LOOPS)
def test_each_edition_is_shown_and_measured(loop: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a broker, the row of jetstream says why; that is no failure."""
    assert run_command(Options(edition="all", quiet=True), loop) == 0
    output = capfd.readouterr()
    assert output.out.startswith(DIALOGUE * 2 + "the ladder: 50 numbers")
    assert "jetstream is not here: " in output.out
    *_, same, _why = output.out.splitlines()
    assert same.split() == ["same", "results", "yes", "yes", "-"]


@pytest.mark.parametrize("loop", LOOPS)
def test_as_json_it_is_an_object_an_edition(loop: str, capfd: pytest.CaptureFixture[str]) -> None:
    """After the results and the ledger of each."""
    assert run_command(Options(2, edition="all", format="json"), loop) == 0
    *_, generator, queue, jetstream = map(json.loads, capfd.readouterr().out.splitlines())
    assert [each["edition"] for each in (generator, queue, jetstream)] == list(LADDER)
    assert generator["cost_us"] > 0
    assert queue["same_results"] is True
    assert jetstream["cost_us"] is None
    assert jetstream["problem"]


def test_other_results_are_seen() -> None:
    """Those of an edition that is not here are not asked for."""
    same = [Rung("generator", 1.0, RESULTS), Rung("queue", 2.0, RESULTS), Rung("jetstream", problem="no broker")]
    assert have_same_results(same)
    other = [same[0], Rung("queue", 2.0, frozenset({(1, "200 OK")})), same[2]]
    assert not have_same_results(other)
    assert any("NO" in line for line in table(other))


def test_other_results_of_the_input_are_seen() -> None:
    """Also where the numbers that are measured have the same: an input may have ended early for one of them."""
    assert not have_same_results([Rung("generator", 1.0, RESULTS, (7, 1)), Rung("queue", 2.0, RESULTS, (0, 0))])


@pytest.mark.parametrize("loop", LOOPS)
def test_what_an_edition_is_given_is_compared(
    loop: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply that differs between the editions is seen; exit 1."""
    numbers = count()

    async def reply(item: Item) -> Result:
        return Result(item.id, f"{next(numbers)}")

    monkeypatch.setattr("services.client.pipeline.work.reply_to_number", reply)
    assert run_command(Options(2, edition="all", format="json"), loop) == 1
    *_, generator, queue, _jetstream = map(json.loads, capfd.readouterr().out.splitlines())
    assert (generator["same_results"], queue["same_results"]) == (False, False)


@pytest.mark.parametrize("loop", LOOPS)
def test_an_input_that_can_be_read_once_is_refused(loop: str, tmp_path: Path) -> None:
    """A named pipe, or what a shell's `<(...)` names; nothing is read of it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ReadOnce, match="can be read once: give a file") as raised:
        run_command(Options(input=str(pipe), edition="all"), loop)
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("loop", LOOPS)
def test_why_there_is_no_broker_is_said_by_what_knows_it(loop: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The embedded lab knows that its program is missing."""

    async def without(options: Options, settings: ClientSettings, stop: Stop) -> int:
        return await main(options, ClientSettings(no_broker="no nats-server is here"), stop)

    assert run_command(Options(edition="all", quiet=True), loop, command=without) == 0
    output = capfd.readouterr()
    assert "no nats-server is here\n" in output.err
    assert output.out.endswith("jetstream is not here: no nats-server is here\n")


def test_each_guarantee_has_a_word_for_each_edition() -> None:
    """The columns of the table."""
    assert {len(cells) for cells in GUARANTEES.values()} == {len(LADDER)}
