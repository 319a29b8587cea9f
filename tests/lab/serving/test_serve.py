"""`lab serve`: ready means ready, and it ends as it is told to, whatever becomes of its streams."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT
from services.sites.settings import RECORDINGS
from tests.lab.serving.labs import LAB, TIMEOUT_S, accepts, get, ready, run, serving
from tests.ports import held_port

HOSTS = ["www.163.com", "www.sina.com.cn", "www.sohu.com"]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)],
    ids=["SIGTERM", "SIGHUP", "SIGINT"],
)
def test_ready_means_ready_and_a_signal_ends_it(loop: str, number: signal.Signals, code: int, temporary: Path) -> None:
    """Everything answers when the line is there, the gateway says the same, and at the end nothing is left."""
    with serving("--format", "json", "--loop", loop) as process:
        lab = ready(process)
        assert sorted(lab["sites"]) == HOSTS
        assert json.loads(get(f"{lab['gateway']}/lab")) == lab
        assert get(lab["hello"]) == b"<h1>Index</h1>"
        assert b"BEGIN CERTIFICATE" in Path(lab["ca"]).read_bytes()
        for site in lab["sites"].values():
            assert accepts(site["http"])
            assert accepts(site["admin"])
            assert accepts(site["tls"])
        assert get(lab["sites"]["www.sohu.com"]["tls"], host="www.sohu.com", ca=lab["ca"])
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, out) == (code, b"")
        assert b"Traceback" not in err
        assert not accepts(lab["gateway"])
    assert list(temporary.iterdir()) == []


def test_a_person_gets_lines() -> None:
    """The gateway, the CA, hello, then the hosts."""
    with serving() as process:
        assert process.stdout
        lines = [process.stdout.readline().decode().split() for _ in range(3 + len(HOSTS))]
        process.terminate()
        err = process.communicate(timeout=TIMEOUT_S)[1].decode()
    assert [line[0] for line in lines] == ["gateway", "ca", "hello", *HOSTS]
    assert [len(line) for line in lines] == [2, 2, 2, *[4] * len(HOSTS)]
    assert "INFO playing www.163.com" in err


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"bad\xff", r"bad\xff"), (b"two\nlines", r"two\x0alines"), ("é ü".encode(), "é ü")],
    ids=["not UTF-8", "two lines", "UTF-8"],
)
def test_a_temporary_directory_may_have_any_name(name: bytes, shown: str, tmp_path: Path) -> None:
    """The lines stay lines; the object, and the command's environment, have the name as it is."""
    directory = tmp_path / os.fsdecode(name)
    directory.mkdir()
    environment = os.environb | {b"TMPDIR": os.fsencode(directory)}
    ended = run("--verbose", "--", "sh", "-c", 'cat "$SSL_CERT_FILE"', env=environment)
    assert (ended.returncode, ended.stdout[:10]) == (0, b"-----BEGIN")
    with serving(env=environment) as process:
        assert process.stdout
        lines = [process.stdout.readline().decode() for _ in range(3 + len(HOSTS))]
    assert [line.split()[0] for line in lines] == ["gateway", "ca", "hello", *HOSTS]
    assert lines[1].startswith(f"ca {tmp_path}/{shown}/lab-ca-")
    with serving("--format", "json", env=environment) as process:
        assert b"BEGIN CERTIFICATE" in Path(ready(process)["ca"]).read_bytes()


@pytest.mark.parametrize("flags", [0, os.O_NONBLOCK], ids=["blocking", "non-blocking"])
def test_the_end_of_stdin_ends_it(flags: int) -> None:
    """A parent closes it, or ends in any way; meanwhile the lab stands, whatever the parent made of the pipe."""
    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETFL, flags)
    with (
        os.fdopen(reading, "rb") as stdin,
        os.fdopen(writing, "wb") as parent,
        serving("--format", "json", "--until-eof", stdin=stdin) as process,
    ):
        lab = ready(process)
        assert get(f"{lab['gateway']}/readyz") == b"ok\n"
        parent.write(b"what a parent says is not read\n")
        parent.close()
        assert process.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize("stdin", ["/dev/null", "closed"])
def test_without_stdin_it_ends_at_once(stdin: str) -> None:
    """There is no parent that could end."""
    redirection = "</dev/null" if stdin == "/dev/null" else "<&-"
    ended = subprocess.run(
        ["sh", "-c", f'exec "$0" serve --until-eof {redirection}', LAB],
        cwd=ROOT,
        check=False,
        capture_output=True,
        timeout=TIMEOUT_S,
    )
    assert ended.returncode == 0
    assert b"Traceback" not in ended.stderr


def test_it_ends_with_a_parent_that_is_killed(temporary: Path) -> None:
    """Nothing of the parent's runs then; the system closes the pipe."""
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([{str(LAB)!r}, 'serve', '--format', 'json', '--until-eof'], stdin=subprocess.PIPE)\n"
        "child.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as parent:
        lab = ready(parent)
        assert accepts(lab["gateway"])
        parent.kill()
        assert parent.stdout
        assert parent.stdout.read() == b""  # the lab has the other end of the pipe, until it has ended
    assert not accepts(lab["gateway"])
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_start(number: signal.Signals, temporary: Path) -> None:
    """It says nothing more, and leaves nothing behind."""
    with serving() as process:
        assert process.stderr
        assert process.stderr.readline() == b"loop: asyncio\n"  # signals are handled from here on
        process.send_signal(number)
        _, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == (130 if number == signal.SIGINT else 0)
    assert b"Traceback" not in err
    assert list(temporary.iterdir()) == []


def test_a_stdout_that_is_closed_is_refused() -> None:
    """Who could not say where it is has not started."""
    ended = subprocess.run(
        ["sh", "-c", 'exec "$0" serve >&-', LAB], cwd=ROOT, check=False, stderr=subprocess.PIPE, timeout=TIMEOUT_S
    )
    assert ended.returncode == 3
    assert ended.stderr.splitlines()[-1] == b"lab: cannot write to standard output: it is closed"


def test_a_reader_that_has_gone_ends_it() -> None:
    """As every program of ours: without a word, exit code 0."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stdout, serving(stdout=stdout) as process:
        assert process.wait(TIMEOUT_S) == 0


def test_a_pipe_that_is_full_holds_up_neither_the_lab_nor_its_end() -> None:
    """The line waits in a thread; the lab answers, and a signal ends it."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb") as stdout, held_port() as port:
        flags = fcntl.fcntl(writing, fcntl.F_GETFL)
        fcntl.fcntl(writing, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        while True:
            try:
                os.write(writing, b"x" * 4096)
            except BlockingIOError:
                break
        fcntl.fcntl(writing, fcntl.F_SETFL, flags)
        with serving("--port", str(port), stdout=stdout) as process:
            gateway = f"http://127.0.0.1:{port}"
            while not accepts(gateway):
                assert process.poll() is None
            assert get(f"{gateway}/healthz") == b"ok\n"
            process.terminate()
            assert process.communicate(timeout=TIMEOUT_S)[1].count(b"Traceback") == 0
            assert process.returncode == 0


def test_a_port_that_is_taken_is_one_line() -> None:
    """It says what to do; exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        ended = run("--port", str(port))
    assert ended.returncode == 2
    assert ended.stdout == b""
    assert ended.stderr.splitlines()[-1].decode() == (
        f"lab: cannot listen on 127.0.0.1:{port} (Address already in use): stop what holds it or choose another port"
    )
    assert b"playing" not in ended.stderr


def test_own_recordings_are_sites_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `lab embedded`."""
    (tmp_path / "own.test.http").write_bytes((RECORDINGS / "www.163.com.http").read_bytes())
    monkeypatch.setenv("LAB_RECORDINGS", str(tmp_path))
    with serving("--format", "json") as process:
        assert "own.test" in ready(process)["sites"]


@pytest.mark.parametrize("content", [b"", b"220 smtp ready\r\n"])
def test_a_recording_that_cannot_be_played_is_one_line(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the file; exit code 3."""
    (tmp_path / "own.test.http").write_bytes(content)
    monkeypatch.setenv("LAB_RECORDINGS", str(tmp_path))
    ended = run()
    assert ended.returncode == 3
    assert ended.stdout == b""
    assert b"lab: cannot play recording own.test.http" in ended.stderr.splitlines()[-1]
    assert ended.stderr.count(b"own.test.http") == 1


@pytest.mark.parametrize(
    "words",
    ["--port -1", "--port 65536", "--port x", "--format xml", "--loop trio", "--", "--until-eof -- true", "curl"],
)
def test_wrong_usage_is_one_line_and_exit_2(words: str) -> None:
    """Nothing starts."""
    ended = run(*words.split())
    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (2, b"", 1)


@pytest.mark.parametrize(
    ("words", "is_said"),
    [
        ("faults set www.163.com refuse", True),
        ("faults clear www.163.com", True),
        ("faults list www.163.com", False),
        ("faults set www.163.com no-such-fault", False),
    ],
)
def test_faults_of_an_embedded_lab_end_with_it(words: str, is_said: bool) -> None:
    """A person who sets some expects the next command to meet them: one line says how."""
    ended = subprocess.run(
        [LAB, "embedded", *words.split()], cwd=ROOT, check=False, capture_output=True, timeout=TIMEOUT_S
    )
    line = b"This lab has ended, and its faults with it. One that stands: .venv/bin/lab serve, then --lab URL"
    assert (line in ended.stderr.splitlines()) is is_said
