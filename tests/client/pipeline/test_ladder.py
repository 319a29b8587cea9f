"""`client pipeline --edition all`: every edition on the same input, and what each costs."""

import json

import pytest

from services.client.pipeline import ladder
from services.client.pipeline.command import Options
from services.client.pipeline.ladder import GUARANTEES, LADDER, Rung, have_same_results, table
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
    assert "same results                 yes         yes           -\n" in output.out


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


def test_each_guarantee_has_a_word_for_each_edition() -> None:
    """The columns of the table."""
    assert {len(cells) for cells in GUARANTEES.values()} == {len(LADDER)}
