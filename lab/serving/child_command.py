"""A command that runs inside a standing lab: `lab serve -- COMMAND`.

Its environment sends every client that knows proxies through the lab's gateway, and has them trust the lab's CA. Its
standard streams are those of `lab serve`; signals are passed on to it, and its exit code is that of `lab serve`.
"""

import asyncio
import os
import resource
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from services.runtime.errors import ProgramError
from services.runtime.run import Stop
from services.runtime.terminal import printable

NOT_FOUND, NOT_EXECUTABLE, BY_SIGNAL = 127, 126, 128  # exit codes, as a shell has them
PROXY_VARIABLES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
DIRECT = "localhost,127.0.0.1,::1"
REMOVED = ("all_proxy", "ALL_PROXY", "ftp_proxy", "FTP_PROXY")
FROM_TERMINAL = {signal.SIGINT, signal.SIGQUIT}
PASSED_ON = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""The signals that are passed on besides SIGINT and SIGTERM."""

FileLimit = tuple[int, int]  # the soft and the hard limit of open files


class CommandNotStarted(ProgramError):
    """The command cannot be run."""

    def __init__(self, command: str, error: OSError) -> None:
        found = bool(command) and not isinstance(error, FileNotFoundError)  # execvp tries '' in each directory of PATH
        reason = (error.strerror or str(error)) if found else "no such command"
        super().__init__(f"cannot run {printable(command)[:200] or 'an empty name'}: {reason}")
        self.exit_code = NOT_EXECUTABLE if found else NOT_FOUND


def environment_inside(variables: Mapping[str, str], *, gateway: str, ca: Path, hello: str) -> dict[str, str]:
    """Return the environment of the command: that of the person, except what says how the network is reached.

    Loopback is reached directly, so that the lab's own URLs, and servers of the tests themselves, need no proxy. Every
    other name goes through the gateway, whatever `no_proxy` was.
    """
    ours = {
        **dict.fromkeys(PROXY_VARIABLES, gateway),
        **dict.fromkeys(("no_proxy", "NO_PROXY"), DIRECT),
        **dict.fromkeys(CA_VARIABLES, str(ca)),
        "NODE_USE_ENV_PROXY": "1",  # Node.js reads the proxy variables only then
        "HELLO_URL": hello,
        "ASYNCLAB_URL": gateway,
    }
    return {**{name: value for name, value in variables.items() if name not in REMOVED}, **ours}


async def run_inside(command: Sequence[str], environment: Mapping[str, str], stop: Stop, *, files: FileLimit) -> int:
    """Run a command to its end and return its exit code, 128 + N where signal N ended it. Raises CommandNotStarted.

    `files`: how many files it may open, since this process has raised its own limit.
    """
    early: list[signal.Signals] = []
    stop.pass_on = early.append
    process = None
    try:
        process = await start(command, environment, files)

        def pass_on(number: signal.Signals) -> None:
            if not came_from_terminal(number):
                with suppress(ProcessLookupError):
                    process.send_signal(number)

        stop.pass_on = pass_on
        for number in early:
            pass_on(number)
        code = await process.wait()
    finally:  # signals that come now change nothing: the lab ends, and the exit code is the command's
        if process and process.returncode is None:  # the lab ends by an error
            process.kill()
    return code if code >= 0 else BY_SIGNAL - code


async def start(command: Sequence[str], environment: Mapping[str, str], files: FileLimit) -> asyncio.subprocess.Process:
    """Start a command. Raises CommandNotStarted."""
    raised = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, files)  # a child has the limit that its parent has at that moment
        return await asyncio.create_subprocess_exec(*command, env=environment)
    except OSError as error:
        raise CommandNotStarted(command[0], error) from error
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, raised)


def came_from_terminal(number: signal.Signals) -> bool:
    """Return whether the command has a signal already: a terminal sends ^C and ^\\ to all of its foreground."""
    if number not in FROM_TERMINAL:
        return False
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
