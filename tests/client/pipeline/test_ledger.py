"""The ledger: what it says of a history, and which exit code follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.pipeline.ledger import SHOWN_IDS, Ledger
from services.client.pipeline.runs.outcome import exit_code, ledger_table, say_ledger
from services.client.pipeline.stages import Result

COUNTS = ("attempted", "acknowledged", "recorded", "lost", "unexpected", "recovered", "duplicates", "dead_lettered")


def ledger_of(history: str) -> Ledger:
    """Return the ledger of a history: a word for each event, `a1` attempt, `k1` acknowledge, `r1` record, and so on."""
    ledger = Ledger("queue", "asyncio")
    for word in history.split():
        number = int(word[1:])
        match word[0]:
            case "a":
                ledger.attempt(number)
            case "k":
                ledger.acknowledge(number)
            case "r":
                ledger.record(number, worker="w")
            case "f":
                ledger.record(number, worker="w", ok=False)
            case "d":
                ledger.give_up(number, "a reason")
    return ledger


@pytest.mark.parametrize(
    ("history", "counts", "code"),
    [
        ("", (0, 0, 0, 0, 0, 0, 0, 0), 0),
        ("a1 k1 r1", (1, 1, 1, 0, 0, 0, 0, 0), 0),
        ("k1 r1", (1, 1, 1, 0, 0, 0, 0, 0), 0),
        ("a1 k1 a2 k2 r2", (2, 2, 1, 1, 0, 0, 0, 0), 1),
        ("a1 k1 a2 r1", (2, 1, 1, 0, 0, 0, 0, 0), 1),
        ("a1 r1", (1, 0, 1, 0, 0, 1, 0, 0), 0),
        ("a1 k1 r1 r1", (1, 1, 1, 0, 0, 0, 1, 0), 0),
        ("a1 k1 r1 r2", (1, 1, 1, 0, 1, 0, 0, 0), 1),
        ("a1 k1 d1 d1", (1, 1, 0, 0, 0, 0, 0, 1), 1),
        ("a1 k1 a2 k2 r1 f2", (2, 2, 2, 0, 0, 0, 0, 0), 1),
        ("a1 k1 a2 k2 f1 f2", (2, 2, 2, 0, 0, 0, 0, 0), 4),
    ],
    ids=[
        "nothing",
        "one",
        "what is acknowledged was attempted",
        "one lost",
        "one unfinished",
        "one recovered",
        "a duplicate",
        "one unexpected",
        "one dead",
        "one failed",
        "all failed",
    ],
)
def test_a_history_has_its_counts_and_its_exit_code(history: str, counts: tuple[int, ...], code: int) -> None:
    """In Jepsen's terms; a stop is 130, whatever else there is."""
    ledger = ledger_of(history)
    members = ledger.members()
    assert tuple(members[name] for name in COUNTS) == counts
    assert exit_code(ledger, stopped=False) == code
    assert exit_code(ledger, stopped=True) == 130


EVENT = st.tuples(st.sampled_from("akrfd"), st.integers(1, 6)).map(lambda event: f"{event[0]}{event[1]}")


@given(st.lists(EVENT).map(" ".join))
def test_every_attempted_id_is_accounted_for(history: str) -> None:
    """It is recorded, dead or unfinished; what is lost is unfinished."""
    ledger = ledger_of(history)
    known = {*ledger.recorded, *ledger.dead, *ledger.unfinished}
    assert known >= set(ledger.attempted)
    assert ledger.lost <= len(ledger.unfinished)


@given(st.lists(st.integers(1, 8)), st.lists(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1)))
def test_many_results_are_noted_as_each_of_them(attempted: list[int], batches: list[list[tuple[int, bool]]]) -> None:
    """The quick way for consecutive ids comes to the same."""
    one, many = Ledger("queue", "asyncio"), Ledger("queue", "asyncio")
    for number in attempted:
        one.acknowledge(number)
        many.acknowledge(number)
    for batch in batches:
        results = [Result(number, "200 OK" if ok else f"error {number % 3}", ok) for number, ok in batch]
        kept = [result for result in results if one.record(result.id, worker="w", ok=result.ok, error=result.reply)]
        assert list(many.record_all(results, ["w"] * len(results))) == kept
    assert one.members() == many.members()


def test_its_memory_is_that_of_the_gaps() -> None:
    """Not of the ids, nor of the reasons why some were given up."""
    ledger = Ledger("queue", "asyncio")
    for number in range(1, 10_001):
        ledger.attempt(number)
        ledger.acknowledge(number)
        if number % 2:
            ledger.record(number, worker="w")
            ledger.record(number - 1, worker="w") if number > 1 else None
        ledger.give_up(number, "reason") if number > 5_000 else None
    sets = (ledger.attempted, ledger.acknowledged, ledger.recorded, ledger.dead)
    assert max(len(list(each.ranges())) for each in sets) <= 2
    assert len(ledger.reasons) == SHOWN_IDS


def test_a_person_sees_a_table_and_which_ids_have_no_result(capsys: pytest.CaptureFixture[str]) -> None:
    """Those in any case; the table unless it is to be quiet."""
    ledger = ledger_of("a1 k1 a2 k2 a3 k3 a4 k4 r2 d4")
    ledger.run = "r7"
    say_ledger(ledger, quiet=True)
    assert capsys.readouterr().err == (
        "pipeline: without a result: 1, 3\n"
        "pipeline: to go on: --edition jetstream --run r7\n"
        "pipeline: 4 was given up: a reason\n"
    )
    say_ledger(ledger, quiet=True, is_kept=False)
    assert "to go on" not in capsys.readouterr().err
    table = "\n".join(ledger_table(ledger))
    assert "run r7" in table
    for name in (*COUNTS, "redelivered", "failed", "cost an item", "producer's wait"):
        assert name.replace("_", "-") in table


def test_failures_are_told_by_their_errors() -> None:
    """As in the summary of a survey, the most frequent first; each is one of `failed`."""
    ledger = Ledger("queue", "asyncio")
    for number in range(1, 1_301):
        ledger.acknowledge(number)
    replies = ["dns" if number % 6 == 0 else "certificate" for number in range(1, 1_201)]
    ledger.record_all([Result(at, reply, ok=False) for at, reply in enumerate(replies, 1)], ["w"] * 1_200)
    ledger.record(1_201, worker="w", ok=False, error="dns")
    assert ledger.members()["errors"] == {"certificate": 1_000, "dns": 201}
    assert ledger.failed == 1_201
    assert "  error   certificate 1,000  dns 201" in ledger_table(ledger)
    assert not any("error" in line for line in ledger_table(ledger_of("k1 r1")))


@pytest.mark.parametrize("wide", [40, 62, 80, None])
def test_a_narrow_terminal_tears_no_number(wide: int | None) -> None:
    """Cells are put below each other; all that a wide one shows is there."""
    ledger = ledger_of("k1 k2 k3 k4 r2 r3 d4")
    ledger.run, ledger.took_s = "0123456789abcdef", 12_345.678
    ledger.errors.update({f"error-{number}": 1_000_000 * number for number in range(1, 9)})
    lines = ledger_table(ledger, wide=wide)
    assert max(map(len, lines)) <= (wide or 1_000)
    words = " ".join(lines).split()
    assert words == " ".join(ledger_table(ledger)).split()
    for name in ("recorded", "dead-lettered", "error-8"):
        assert len([line for line in lines if name in line]) == 1
    assert any("producer's wait      0.000 s" in line for line in lines)


@pytest.mark.parametrize(
    ("wait_s", "edition", "told"), [(9.5, "jetstream", 1), (5.0, "jetstream", 0), (9.5, "queue", 0)]
)
def test_a_queue_that_was_always_full_is_told_with_what_to_do(wait_s: float, edition: str, told: int) -> None:
    """Of workers elsewhere, nothing else shows whether there are enough."""
    ledger = Ledger(edition, "asyncio")
    ledger.wait_s, ledger.took_s = wait_s, 10.0
    hints = [line for line in ledger_table(ledger) if "--queue-size" in line]
    assert [line[:6] for line in hints] == ["  the "] * told


def test_what_is_in_flight_has_been_taken_and_has_no_result() -> None:
    """An item that still waits for room is not in flight, nor is one whose result an earlier program got."""
    ledger = ledger_of("a1 k1 r1 k2 k3 k4 d4 a5")
    ledger.noted.add(2)
    assert list(ledger.in_flight) == [3]


def test_control_characters_of_a_reason_do_not_reach_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A reason comes from elsewhere."""
    ledger = Ledger("jetstream", "asyncio", "r")
    ledger.attempt(1)
    ledger.give_up(1, "\x1b[2J")
    say_ledger(ledger, quiet=False)
    assert "\x1b" not in capsys.readouterr().err
