"""^C in `docker compose run client`: exit code 130, soon, and the container is gone."""

import os
import shlex
import signal
import subprocess
import sys

import pexpect
import pytest

from lab.compose.stack import Stack
from tests.docker.lifecycle.test_lifecycle import client_containers

HELLO = ("client", "hello", "--users", "500", "--timeout", "3600")
BUSY = "loop: "  # the client says so when its loop runs


@pytest.mark.parametrize("options", [(), ("-T",)], ids=["terminal", "no terminal inside"])
def test_ctrl_c_exits_130_and_leaves_no_container(stack: Stack, options: tuple[str, ...]) -> None:
    """The signal comes from a real terminal's line discipline, which sends it to Docker's client and to Compose."""
    command = stack.command("run", "--rm", *options, *HELLO)
    assert interrupted(pexpect.spawn(command[0], command[1:], timeout=30)) == 130
    wait_until_removed(stack)


def test_an_interrupt_from_a_program_exits_130_and_leaves_no_container(stack: Stack) -> None:
    """As `timeout -s INT` or a CI runner does it, without any terminal: the signal goes to Docker's client alone.

    (Sent to the whole process group instead, it reaches Compose twice, and 1 time in 10 the second kills Compose.)
    """
    with subprocess.Popen(
        stack.command("run", "--rm", "-T", *HELLO),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        assert any(line.startswith(BUSY) for line in process.stderr)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
    assert "Traceback" not in rest
    wait_until_removed(stack)


def test_ctrl_c_ends_lab_run_and_its_client_though_the_output_is_redirected(stack: Stack) -> None:
    """Compose alone often leaves the client behind: the terminal's signal reaches it, and it ends at once."""
    environ = os.environ | {"COMPOSE_PROJECT_NAME": stack.project}
    line = f"exec {shlex.join([sys.executable, '-m', 'lab', 'run', *HELLO[1:]])} > /dev/null"
    assert interrupted(pexpect.spawn("/bin/sh", ["-c", line], timeout=60, env=environ, cwd=str(stack.root))) == 130
    wait_until_removed(stack)


def interrupted(terminal: "pexpect.spawn[bytes]") -> int | None:
    """Type ^C once the client is busy, and return the exit code."""
    terminal.expect_exact(BUSY)
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.exitstatus


def wait_until_removed(stack: Stack) -> None:
    """Return when the engine has removed the client's container, which Compose does not wait for."""
    while client_containers(stack):
        pass
