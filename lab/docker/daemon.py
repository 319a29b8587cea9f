"""Starting and stopping the Docker daemon, with systemd or without.

Without an init system the daemon is started in a new session, so that it outlives the shell and the terminal of the
command. A mark file says that the lab has started it: `stop` touches no other daemon.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab import subprocesses
from lab.docker.errors import EngineNotOurs, EngineNotStarting, EngineNotStopping
from lab.subprocesses import Runner
from services.runtime.files.regular import read_regular

LOG = Path("/var/log/asynclab-dockerd.log")
MARK = Path("/run/asynclab-dockerd.pid")
PID_FILE = Path("/run/docker.pid")
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.2
TAIL_LINES = 15
PID_BYTES = 20  # of a file that holds one


def start(*, has_systemd: bool, answers: Callable[[], bool], run: Runner = subprocesses.run) -> None:
    """Start the daemon and return when it `answers`. Raises `EngineNotStarting`."""
    if has_systemd:
        _start_by_systemd(run)
        pid = None
    elif running(PID_FILE):
        pid = None  # it is starting already, and only has to be waited for
    else:
        pid = _spawn()
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers():
        if pid is not None and _has_ended(pid):
            raise EngineNotStarting("ended at once", log=str(LOG), evidence=_tail(LOG))
        if time.monotonic() > deadline:
            log = "`journalctl -u docker`" if has_systemd else str(LOG)
            raise EngineNotStarting(f"gives no answer in {START_TIMEOUT_S:g} s", log=log, evidence=_tail(LOG))
        time.sleep(POLL_S)


def stop() -> bool:
    """Stop the daemon that `start` started; return False if there is none.

    Raises `EngineNotOurs` or `EngineNotStopping`.
    """
    pid = running(MARK)
    if pid:
        try:
            os.kill(pid, signal.SIGTERM)
        except PermissionError as error:
            raise EngineNotOurs(pid) from error
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while running(MARK):
            if time.monotonic() > deadline:
                raise EngineNotStopping(pid)
            time.sleep(POLL_S)
    with suppress(PermissionError):  # another user's mark, of a daemon that has ended
        MARK.unlink(missing_ok=True)
    return pid is not None


def running(pid_file: Path) -> int | None:
    """Return the process that `pid_file` names, if it runs and is a Docker daemon (process ids are used again)."""
    try:
        pid = int(read_regular(pid_file, most=PID_BYTES))
        status = Path(f"/proc/{pid}/status").read_text("utf-8", errors="replace")
    except (OSError, ValueError):
        return None
    name, _, rest = status.partition("\n")
    is_daemon = name.split() == ["Name:", "dockerd"] and "State:\tZ" not in rest
    return pid if is_daemon else None


def _start_by_systemd(run: Runner) -> None:
    outcome = run(("systemctl", "start", "docker"), timeout_s=START_TIMEOUT_S)
    if not outcome.ok:
        raise EngineNotStarting("does not start", log="`journalctl -u docker`", evidence=outcome.tail())


def _spawn() -> int:
    """Start dockerd in a new session, with its output in the log, and return its process id."""
    PID_FILE.unlink(missing_ok=True)  # dockerd refuses to start if another process has the id in an old file
    env = shutil.which("env") or "/usr/bin/env"
    pid = os.posix_spawn(
        env,
        (env, "--chdir=/", "dockerd"),
        os.environ,
        file_actions=(
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(LOG), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ),
        setsid=True,
    )
    MARK.write_text(f"{pid}\n", "ascii")
    return pid


def _has_ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG) != (0, 0)


def _tail(log: Path) -> tuple[str, ...]:
    if not log.is_file():
        return ()
    return tuple(log.read_text("utf-8", errors="replace").splitlines()[-TAIL_LINES:])
