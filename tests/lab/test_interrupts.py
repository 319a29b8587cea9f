"""Signals that end a command of this host in order: once, and as ^C does."""

import signal

import pytest

from lab.interrupts import interrupted_by


def test_the_first_signal_interrupts_and_later_ones_do_not_cut_the_end_short() -> None:
    """What was begun is taken away in `finally`; then the signals mean what they meant."""
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    ended: list[str] = []

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            ended.append("in order")

    with pytest.raises(KeyboardInterrupt), interrupted_by(signal.SIGTERM, signal.SIGINT):
        work()
    assert ended == ["in order"]
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_signal_that_is_ignored_stays_so() -> None:
    """As SIGHUP is under nohup(1)."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_by(signal.SIGHUP):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
