"""Which lines a service may log when it is attacked."""

import pytest

from lab.bench.chaos.logs import forbidden

MOMENT = "2026-11-26T00:00:00Z"


@pytest.mark.parametrize(
    "line",
    [
        f"{MOMENT} INFO playing healthy.test",
        f"{MOMENT} WARNING a.test: its plan no longer fits its recording; its sidecar's plan is in force",
        f"{MOMENT} ERROR not ready: recording extra-bad.test.http: is empty",
        f"{MOMENT} ERROR a worker ended by itself: exit codes [-9, 0]",
        f"{MOMENT} INFO the peer said TERRORS",
        "",
    ],
)
def test_documented_lines_are_allowed(line: str) -> None:
    """Chaos writes bad recordings and kills workers; a line below ERROR is never a finding."""
    assert forbidden([line]) == []


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        "Exception ignored in: <function Server.__del__>",
        f"{MOMENT} ERROR rst_at: the site broke off its answer",
        f"{MOMENT} ERROR no certificate",
        f"{MOMENT} ERROR not ready: port 80 is in use",
        f"{MOMENT} ERROR Task exception was never retrieved",
        "RuntimeWarning: coroutine 'x' was never awaited",
        f"forged {MOMENT} ERROR not ready: recording x",
    ],
)
def test_anything_else_that_is_an_error_is_forbidden(line: str) -> None:
    """The list of allowed errors is closed."""
    assert forbidden([f"{MOMENT} INFO fine", f"{MOMENT} INFO fine"]) == []
    assert [entry.splitlines()[-1] for entry in forbidden([f"{MOMENT} INFO fine", line])] == [line]


@pytest.mark.parametrize("first", [f"{MOMENT} ERROR no certificate", "Exception ignored in: b'x'"])
@pytest.mark.parametrize("after", [f"{MOMENT} INFO fine", "loop: asyncio"])
def test_an_entry_is_told_with_its_traceback(first: str, after: str) -> None:
    """A person looks for its last line; the output of the next start is no part of it."""
    traceback = ["Traceback (most recent call last):", '  File "x.py", line 1', "    x()", "ValueError: no"]
    assert forbidden([f"{MOMENT} INFO fine", first, *traceback, after]) == ["\n".join([first, *traceback])]


def test_what_a_program_says_when_it_starts_belongs_to_no_entry() -> None:
    """A site that is killed and started again says its loop after the last line of its life before."""
    assert forbidden([f"{MOMENT} ERROR not ready: recording x: is empty", "loop: asyncio"]) == []


def test_a_documented_line_with_a_traceback_is_forbidden() -> None:
    """A line about a bad file needs no traceback."""
    log = [f"{MOMENT} ERROR not ready: recording x", "Traceback (most recent call last):"]
    assert forbidden(log) == ["\n".join(log)]
