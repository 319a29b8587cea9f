"""A lab that runs as a child process: `python -P -m asynclab serve`.

The child ends when its stdin ends. The system closes the other end of that pipe together with this process, however it
ends, so that a test run which is killed leaves no lab behind. The child has a process group to itself: ^C at a terminal
reaches the tests alone, which then end the lab.
"""

import errno
import os
import selectors
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import IO

from asynclab.connection.description import Description, read_description
from asynclab.errors import BadAnswer, LabNotStarted, PortTaken

__tracebackhide__ = True

START_TIMEOUT_S = 30.0
END_TIMEOUT_S = 10.0
ENDING_S = 0.5
MAX_READY_BYTES = 16 * 1024 * 1024
MAX_LOG_BYTES = 1024 * 1024  # the last ones
SHOWN_CHARACTERS = 300
SERVE = ("-P", "-m", "asynclab", "serve", "--format", "json", "--until-eof")


class LabProcess:
    """The child process of a lab, from its start to its end."""

    def __init__(self, *, port: int = 0, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start a lab, and wait until it is ready. `port`: the gateway's, 0 for a free one.

        Raises LabNotStarted or PortTaken.
        """
        self._log: Path | None = None
        self._errors = log_file()
        try:
            self._process = start(port, self._errors)
        except BaseException:
            self._errors.close()
            raise
        try:
            self.description = self._read_description(port, monotonic() + timeout_s)
        except BaseException:
            self.end()
            raise

    def why_ended(self) -> str:
        """Return why the process has ended, or ends just now, and where its log is; nothing if it goes on."""
        how = self._how_ended()
        return "; ".join([how, *self._kept_log()]) if how and not self._errors.closed else how

    def _how_ended(self) -> str:
        """Return how the process has ended, or ends just now; nothing if it goes on."""
        try:
            code = self._process.wait(ENDING_S)  # its connections end a little before it does
        except subprocess.TimeoutExpired:
            return ""
        if self._errors.closed:
            return "its `with` block is over"
        how = f"signal {-code} ended it" if code < 0 else f"exit code {code}"
        last = self._last_error() if code > 0 else ""  # the last line before a signal is no reason
        return f"{how}: {last}" if last else how

    def _kept_log(self) -> list[str]:
        """Keep what the process wrote to stderr as a file, and return where that is; nothing if it wrote nothing.

        The file stays: a person reads it after the tests. A lab that ends as it should leaves none.
        """
        size = os.fstat(self._errors.fileno()).st_size
        if self._log is None and size:
            with suppress(OSError), tempfile.NamedTemporaryFile(prefix="asynclab-", suffix=".log", delete=False) as log:
                log.write(os.pread(self._errors.fileno(), MAX_LOG_BYTES, max(0, size - MAX_LOG_BYTES)))
                self._log = Path(log.name)
        return [f"its log is {self._log}"] if self._log else []

    def end(self) -> None:
        """End the process, and wait for its end."""
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._errors.close()

    def _read_description(self, port: int, until: float) -> Description:
        line = self._read_line(until)
        if line is None:
            raise LabNotStarted(f"the lab was not ready in time: {self._last_error() or 'it said nothing'}")
        if not line:
            self._process.wait(END_TIMEOUT_S)
            if port and is_taken(port):
                raise PortTaken(port)
            raise LabNotStarted(f"the lab did not start ({self._how_ended()}): run `asynclab serve` to see why")
        try:
            return read_description(line)
        except BadAnswer as error:
            raise LabNotStarted(
                f"what started is no lab ({error.reason}): install asynclab and its lab together"
            ) from error

    def _read_line(self, until: float) -> bytes | None:
        """Return the line that says that the lab is ready; nothing if the process ends, None after the deadline."""
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - for mypy: it is a pipe
        line = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n") and len(line) < MAX_READY_BYTES:
                if not selector.select(max(0.0, until - monotonic())):
                    return None
                piece = os.read(stdout.fileno(), 65_536)
                if not piece:
                    return b""
                line += piece
        return bytes(line)

    def _last_error(self) -> str:
        """Return the last line that the process wrote to stderr."""
        size = os.fstat(self._errors.fileno()).st_size
        end = os.pread(self._errors.fileno(), 4096, max(0, size - 4096)).decode("utf-8", "replace")
        lines = [line.strip() for line in end.splitlines() if line.strip()]
        return "".join(each for each in lines[-1] if each.isprintable())[:SHOWN_CHARACTERS] if lines else ""


def log_file() -> IO[bytes]:
    """Return a file without a name for what the process writes to stderr. Raises LabNotStarted."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise LabNotStarted(f"no temporary file can be made ({error.strerror}): see TMPDIR, and ulimit -n") from error


def start(port: int, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the process. Raises LabNotStarted."""
    chosen = ("--port", str(port)) if port else ()
    try:
        return subprocess.Popen(  # noqa: S603 - the interpreter that runs this
            [sys.executable, *SERVE, *chosen],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            env=environment(),
            process_group=0,
        )
    except OSError as error:
        raise LabNotStarted(f"{sys.executable} cannot be run: {error.strerror}") from error


def environment() -> dict[str, str]:
    """Return the child's environment, in which no package of a person's own can be taken for the lab's.

    `-P` keeps the working directory off the path. PYTHONPATH is the other way in for a package called `lab` or
    `services`, so what this package was installed with comes before it.
    """
    variables = dict(os.environ)
    if variables.get("PYTHONPATH"):
        own = str(Path(__file__).resolve().parents[2])
        variables["PYTHONPATH"] = os.pathsep.join([own, variables["PYTHONPATH"]])
    return variables


def is_taken(port: int) -> bool:
    """Return whether another program listens on a port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
        except OverflowError:  # no port has such a number
            return False
    return False
