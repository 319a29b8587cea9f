"""One run of the jetstream edition in the client's container, read while it goes on."""

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

DEADLINE_S = 100.0

Ledger = Mapping[str, Any]


class ClientRun:
    """A run that a client's container makes. A thread reads it, so that the client never waits for the test.

    `fed`: whether its input comes from the test. `written`: how often each id was written. `ledger`: its last line.
    """

    def __init__(self, command: list[str], cwd: Path, environ: Mapping[str, str], *, fed: bool = False) -> None:
        self.written: Counter[int] = Counter()
        self.replies: dict[int, str] = {}
        self.ledger: Ledger = {}
        self._said = TemporaryFile("w+")  # noqa: SIM115 - as long as this object
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._changed:
                self._take(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take(self, line: str) -> None:
        try:
            found = json.loads(line)
        except ValueError:  # the rest of a line whose writer was killed
            return
        if "attempted" in found:
            self.ledger = found
            return
        self.written[found["id"]] += 1
        self.replies[found["id"]] = found["reply"]

    def feed(self, lines: str) -> None:
        """Hand over more of its input."""
        assert self.process.stdin
        self.process.stdin.write(lines)
        self.process.stdin.flush()

    def feed_no_more(self) -> None:
        """End its input. One that has ended reads none."""
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()

    def until(self, count: int) -> None:
        """Wait until so many ids are written. It is an error if the run ends before."""
        self._wait(lambda: len(self.written) >= count or self._ended)
        assert len(self.written) >= count, self.said()

    def until_said(self, words: str) -> None:
        """Wait until it has written these words to stderr; the test has a deadline."""
        while words not in self.said():
            assert self.process.poll() is None, self.said()

    def _wait(self, is_so: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(is_so, DEADLINE_S), f"{len(self.written)} written: {self.said()}"

    def end(self) -> int:
        """Wait for its end, and return its exit code."""
        self._wait(lambda: self._ended)
        self._reading.join()
        self.feed_no_more()
        return self.process.wait(DEADLINE_S)

    def said(self) -> str:
        """Return what it has written to stderr."""
        self._said.seek(0)
        return self._said.read()

    def check(self, count: int, *, code: int = 0, reply: str = "200 OK") -> Ledger:
        """Wait for its end, and check what each fault has to leave: nothing lost or unexpected, one result an id."""
        ended = self.end()
        ledger = self.ledger
        print(json.dumps(ledger))  # pytest shows it where the test fails
        assert ended == code, (ended, self.said())
        assert (ledger["lost"], ledger["unexpected"], ledger["recorded"]) == (0, 0, count)
        assert sorted(self.written) == list(range(1, count + 1))
        assert set(self.written.values()) == {1}
        assert set(self.replies.values()) == {reply}
        return ledger

    def abandon(self) -> None:
        """End it where a test failed."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.feed_no_more()
        self._reading.join(DEADLINE_S)
        assert self.process.stdout
        self.process.stdout.close()
        self._said.close()
