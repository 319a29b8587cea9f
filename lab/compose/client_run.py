"""A client in its container, by `docker compose run`: with this terminal, or without one, and with its signals.

With a terminal, Compose takes the place of this program. Without one, as with redirected output, ^C reaches all
programs of the terminal at once, and Compose (2.26) then ends, often before it has passed the signal on: the client
would go on, and nothing would show it. So Compose runs in a session of its own there, which gets no signal of the
terminal, and the engine is asked to pass each signal on to the container. The same holds where the reader of the output
leaves: Compose ends by that, and its client by this program.
"""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from lab import subprocesses
from lab.interrupts import handled_by

CLIENT = "client"
PASSED_ON = {  # what the client gets for each; of the last two, it would not take note
    signal.SIGINT: signal.SIGINT,
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGHUP: signal.SIGTERM,
    signal.SIGQUIT: signal.SIGTERM,
}
ENGINE_S = 10.0
BY_SIGNAL = 128  # and the signal's number: the exit code, as a shell has it


def run_client(
    words: Sequence[str], *, run: Sequence[str], docker: Sequence[str], project: str, environ: Mapping[str, str]
) -> int:
    """Run a client, and return its exit code; with a terminal, this process becomes Docker's client instead.

    Arguments:
        words: the client's.
        run: the command line of Compose, up to `run --rm`.
        docker: that of Docker's client, for the same engine.
        project: the name of the project, for that of the container.
    """
    if sys.stdout:  # it may be closed
        sys.stdout.flush()
    if all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        line = [*run, CLIENT, *words]
        os.execvpe(line[0], line, dict(environ))  # noqa: S606 - no shell is wanted
    name = f"{project}-{CLIENT}-run-{secrets.token_hex(6)}"
    return RelayedRun([*run, "-T", "--name", name, CLIENT, *words], docker, name).to_its_end(environ)


class RelayedRun:
    """Compose in a session of its own, and the way of signals past it to the container of that name."""

    def __init__(self, line: Sequence[str], docker: Sequence[str], name: str) -> None:
        self._line, self._docker, self._name = line, docker, name
        self._process: subprocess.Popen[bytes] | None = None
        self._came: list[signal.Signals] = []

    def to_its_end(self, environ: Mapping[str, str]) -> int:
        """Run it, and return its exit code. A client that Compose has left behind is ended."""
        with handled_by(self._take, *PASSED_ON):
            self._process = subprocess.Popen(self._line, env=environ, start_new_session=True)
            for number in self._came:
                self._pass_on(number)
            code = self._process.wait()
            if code:
                self._end_container()
        return code if code >= 0 else BY_SIGNAL - code

    def _take(self, number: int, _frame: FrameType | None) -> None:
        self._came.append(signal.Signals(number))
        if self._process:
            self._pass_on(signal.Signals(number))

    def _pass_on(self, number: signal.Signals) -> None:
        """Have the engine signal the container; where there is none yet, Compose gets the signal, and ends."""
        if not self._kill(PASSED_ON[number]) and self._process and self._process.poll() is None:
            self._process.send_signal(PASSED_ON[number])

    def _end_container(self) -> None:
        """End the container where it is still there; with --rm, it removes itself."""
        if not self._kill(signal.SIGTERM):
            self._ask("rm", "--volumes", self._name)  # it was made, and never started

    def _kill(self, number: signal.Signals) -> bool:
        return self._ask("kill", "--signal", number.name.removeprefix("SIG"), self._name)

    def _ask(self, *words: str) -> bool:
        return subprocesses.run((*self._docker, *words), timeout_s=ENGINE_S).ok
