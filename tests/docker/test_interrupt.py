"""^C in `docker compose run client`: exit code 130, soon, and the container is gone."""

import os
import signal
import subprocess

import pexpect

from lab.stack import Stack
from tests.docker.test_lifecycle import client_containers

HELLO = ("client", "hello", "--users", "500", "--timeout", "3600")
BUSY = "loop: "  # the client says so when its loop runs


def test_ctrl_c_in_a_terminal_exits_130_and_leaves_no_container(stack: Stack) -> None:
    """A real terminal: the signal comes from the terminal's line discipline."""
    command = stack.command("run", "--rm", *HELLO)
    terminal = pexpect.spawn(command[0], command[1:], timeout=30)
    terminal.expect_exact(BUSY)
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    wait_until_removed(stack)


def test_ctrl_c_without_a_terminal_exits_130_and_leaves_no_container(stack: Stack) -> None:
    """Under -T Compose forwards the signal twice: the second is harmless."""
    with subprocess.Popen(
        stack.command("run", "--rm", "-T", *HELLO),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr
        assert any(line.startswith(BUSY) for line in process.stderr)
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
    assert "Traceback" not in rest
    wait_until_removed(stack)


def wait_until_removed(stack: Stack) -> None:
    """Return when the engine has removed the client's container, which Compose does not wait for."""
    while client_containers(stack):
        pass
