"""The state table: what it says is possible, whole and without a dead end."""

import dataclasses

import pytest

from services.sites.settings import SitesSettings
from services.sites.states_and_deadlines import (
    ANSWERING,
    DEADLINES,
    DROPS_INPUT,
    MOVES,
    WITHOUT_ANSWER,
    Event,
    Expiry,
    State,
    extended,
    longest_s,
)

BEGINNINGS = {State.HANDSHAKE, State.IDLE}
LAST = {State.SILENT, State.RESETTING, State.LINGER}


def test_every_state_can_be_reached_and_only_the_last_ones_lead_nowhere() -> None:
    """A connection begins in HANDSHAKE over TLS, and in IDLE without."""
    reached = BEGINNINGS | {state for moves in MOVES.values() for state in moves.values()}
    assert reached == set(State) == set(MOVES)
    assert {state for state, moves in MOVES.items() if not moves} == LAST
    assert {event for moves in MOVES.values() for event in moves} == set(Event)


def test_every_state_but_sending_has_a_deadline_of_a_setting_that_there_is() -> None:
    """What a fault sends may take as long as its pauses; nothing else may last for ever."""
    assert set(State) - set(DEADLINES) == {State.SENDING}
    settings = {field.name for field in dataclasses.fields(SitesSettings)}
    assert {deadline.setting for deadline in DEADLINES.values()} <= settings
    assert longest_s(SitesSettings(), short_of_room=False)[State.SENDING] == float("inf")


def test_a_state_that_answers_when_it_expires_can_answer() -> None:
    """408 is sent as any answer is."""
    for state, deadline in DEADLINES.items():
        assert deadline.expiry is Expiry.DROP or Event.ANSWERED in MOVES[state]


def test_the_sets_of_states_do_not_contradict_each_other() -> None:
    """An answer is on its way, or it is not; LINGER has had its own."""
    assert not ANSWERING & WITHOUT_ANSWER
    assert set(State) - ANSWERING - WITHOUT_ANSWER == {State.LINGER}
    assert DROPS_INPUT <= LAST


@pytest.mark.parametrize(
    ("body_bytes", "expected"), [(0, 10.0), (1000, 11.0), (5000, 15.0), (9000, 16.0)], ids=["none", "1", "5", "9"]
)
def test_a_body_adds_a_second_for_every_thousand_bytes_up_to_now(body_bytes: int, expected: float) -> None:
    """Never more than has passed: a pause after it may be as long as a head may take."""
    assert extended(10.0, body_bytes, now=16.0) == expected
