"""`lab serve -- COMMAND`: the command is as without it, but for the network that it finds."""

import json
import resource
import signal
import sys
from pathlib import Path

import pexpect
import pytest

from lab import ROOT
from lab.serving.child_command import environment_inside
from tests.lab.serving.labs import LAB, TIMEOUT_S, run, serving

PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ASYNCLAB_URL")
FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def test_what_a_person_has_set_for_the_network_is_replaced() -> None:
    """The rest of the environment is the person's."""
    theirs = {
        "PATH": "/bin",
        "https_proxy": "http://corporate:1",
        "ALL_PROXY": "socks5://corporate:1",
        "no_proxy": "*",
        "SSL_CERT_FILE": "/etc/corporate.pem",
    }
    inside = environment_inside(theirs, gateway="http://g:1", ca=Path("/ca.pem"), hello="http://h:2")
    assert {name: inside.pop(name) for name in PROXIES} == dict.fromkeys(PROXIES, "http://g:1")
    assert {name: inside.pop(name) for name in FILES} == dict.fromkeys(FILES, "/ca.pem")
    assert inside == {
        "PATH": "/bin",
        "HELLO_URL": "http://h:2",
        "NODE_USE_ENV_PROXY": "1",
        "NO_PROXY": "localhost,127.0.0.1,::1",
        "no_proxy": "localhost,127.0.0.1,::1",
    }


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -9 $$"], 137),
        (["sh", "-c", "kill $$"], 143),
        (["no-such-command"], 127),
        (["/no/such/file"], 127),
        (["/"], 126),
    ],
    ids=["0", "7", "SIGKILL", "SIGTERM", "not on PATH", "no file", "directory"],
)
def test_the_exit_code_is_the_commands(command: list[str], code: int, temporary: Path) -> None:
    """As a shell has it; a command that cannot be run is one line."""
    ended = run("--", *command)
    assert (ended.returncode, ended.stdout) == (code, b"")
    assert len(ended.stderr.splitlines()) == (code in {126, 127})
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("command", "code"), [("kill -9 $$", 137), ("exec no-such-command", 127)])
def test_uvloop_gives_the_same_codes(command: str, code: int) -> None:
    """It starts processes and waits for them in its own way."""
    assert run("--loop", "uvloop", "--", "sh", "-c", command).returncode == code
    assert (
        run("--loop", "uvloop", "--", "no-such-command").stderr == b"lab: cannot run no-such-command: no such command\n"
    )


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_command_without_a_name_is_not_found(loop: str) -> None:
    """As in a shell, whatever the system says of the directories of PATH."""
    ended = run("--loop", loop, "--", "")
    assert (ended.returncode, ended.stderr) == (127, b"lab: cannot run an empty name: no such command\n")


def test_the_streams_are_the_commands() -> None:
    """Every byte of stdin reaches it, and stdout is its own; where everything is, stderr says if asked."""
    data = bytes(range(256)) * 1000
    ended = run("--", "cat", input=data, stdin=None)
    assert (ended.stdout, ended.stderr) == (data, b"")
    ended = run("--verbose", "--format", "json", "--", "sh", "-c", 'echo "$http_proxy"')
    assert json.loads(ended.stderr)["gateway"] == ended.stdout.decode().strip()


def test_a_client_inside_needs_no_option() -> None:
    """Names lead to the lab, its CA is trusted, loopback is reached directly, and nothing else is reached at all."""
    code = (
        "import os, urllib.error, urllib.request as r\n"
        "print(r.urlopen('https://www.sohu.com/').status, r.urlopen('http://www.sohu.com/').status)\n"
        "print(r.urlopen(os.environ['HELLO_URL']).read())\n"
        "try: r.urlopen('http://example.org/')\n"
        "except urllib.error.HTTPError as error: print(error.code)\n"
    )
    ended = run("--", sys.executable, "-c", code)
    assert ended.stdout.decode().splitlines() == ["200 200", "b'<h1>Index</h1>'", "502"], ended.stderr


def test_a_command_of_the_client_inside_joins_the_lab() -> None:
    """By ASYNCLAB_URL."""
    ended = run("--", sys.executable, "-m", "services.client", "wget", "-q", "--format", "jsonl", "www.163.com")
    assert json.loads(ended.stdout)["status"] == 302


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(number: signal.Signals) -> None:
    """The command decides what becomes of them, and the lab stands until it has ended."""
    name = number.name.removeprefix("SIG")
    script = f"trap 'exit 5' {name}; echo ready; while :; do sleep 0.05; done"
    with serving("--", "sh", "-c", script, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(TIMEOUT_S) == 5


COUNT_INTERRUPTS = """
import os, signal, sys
signals = {signal.SIGINT, signal.SIGHUP}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
came = 0
os.write(1, b"counting\\n")
while signal.sigwait(signals) == signal.SIGINT:
    came += 1
    os.write(1, b"got %d\\n" % came)
sys.exit(came + (signal.SIGINT in signal.sigpending()))
"""


def test_an_interrupt_from_a_terminal_reaches_it_once() -> None:
    """The terminal sends it to both: a second one would stop pytest in the middle of its cleaning up."""
    child = pexpect.spawn(
        str(LAB), ["serve", "--", sys.executable, "-c", COUNT_INTERRUPTS], cwd=ROOT, timeout=TIMEOUT_S
    )
    child.expect_exact("counting")
    child.sendintr()
    child.expect_exact("got 1")
    # One to the lab alone, which counts as the terminal's, too; of the two, at least one would be passed on before the
    # SIGHUP. (Where both are pending, the handler of the greater number runs first.)
    child.kill(signal.SIGINT)
    child.kill(signal.SIGHUP)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1


def test_it_may_open_as_many_files_as_without_the_lab() -> None:
    """The lab raises its own limit; a program that walks through all numbers up to it would take long."""

    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    ended = run("--", "sh", "-c", "ulimit -n", preexec_fn=lower)
    assert ended.stdout == b"512\n"
