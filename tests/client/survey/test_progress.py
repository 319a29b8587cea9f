"""The progress of a survey, in numbers."""

import pytest

from services.client.survey.progress import Progress, duration
from services.client.survey.results.stats import Stats


def progress(*, done: int, fraction: float | None, skipped: int = 0) -> Progress:
    """Return the state of a survey that has come so far."""
    tally = Stats()
    tally.done = done
    return Progress(tally, in_flight=0, fraction=fraction, skipped=skipped)


@pytest.mark.parametrize(
    ("state", "left_s"),
    [
        pytest.param(progress(done=50, fraction=0.5), 5.0, id="half"),
        pytest.param(progress(done=100, fraction=1.0), 0.0, id="all"),
        pytest.param(progress(done=10, fraction=0.9, skipped=80), 1.0, id="resumed: what was skipped took no time"),
        pytest.param(progress(done=0, fraction=0.0), None, id="none"),
        pytest.param(progress(done=50, fraction=None), None, id="an input without a length"),
    ],
)
def test_what_is_left_takes_as_long_as_what_is_done(state: Progress, left_s: float | None) -> None:
    """At the speed of now."""
    assert state.left_s(10.0) == pytest.approx(left_s)


def test_nothing_is_known_of_a_survey_that_stands_still() -> None:
    """It may go on, or it may not."""
    assert progress(done=50, fraction=0.5).left_s(0.0) is None


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (61, "1:01"), (3_600, "1:00:00")])
def test_a_duration_reads_as_a_person_says_it(seconds: float, text: str) -> None:
    """Hours only where there are some."""
    assert duration(seconds) == text
