"""Without epoll, and whatever else only Linux has: the survey as a program, with both ends in one process."""

import json
import resource
import sys
from pathlib import Path

import pytest

from services.runtime import process
from services.runtime.settings import LOOPS
from tests.client.survey.surveys import run_words

WITHOUT = """
import os, select, socket, sys
del select.epoll, os.sched_getaffinity, socket.SOCK_NONBLOCK
from pathlib import Path
from services.runtime import process
process.Path = lambda _name: Path("/nonexistent")
from lab.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("loop", LOOPS)
def test_the_embedded_lab_is_surveyed(loop: str) -> None:
    """Every head, over TLS as well; a host that is not there; and what it took."""
    targets = ["www.sina.com.cn", "https://www.sohu.com", "www.163.com", "no.such.host"]
    result = run_words(
        *(sys.executable, "-c", WITHOUT, "embedded", "wget", *targets, "--ca", "lab"),
        *("--format", "jsonl", "--ordered", "--loop", loop),
    )
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(record["target"], record["status"], record["error"]) for record in records] == [
        ("www.sina.com.cn", 200, None),
        ("https://www.sohu.com", 200, None),
        ("www.163.com", 302, None),
        ("no.such.host", None, "dns"),
    ], result.stderr
    assert result.returncode == 1
    assert "peak memory" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("soft", [256, resource.RLIM_INFINITY])
def test_no_limit_of_open_files_is_not_taken_at_its_word(soft: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS says that there is none, and refuses more than its own."""
    kernel, now = 61_440, [soft]

    def set_limit(_which: int, wanted: tuple[int, int]) -> None:
        if wanted[0] > kernel:
            raise ValueError("current limit exceeds maximum limit")
        now[0] = wanted[0]

    monkeypatch.setattr(resource, "getrlimit", lambda _which: (now[0], resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    assert process.raise_open_files() == now[0] == 24_576
    assert process.raise_open_files() == 24_576


def test_memory_without_proc_is_this_process_s_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else is known."""
    monkeypatch.setattr(process, "Path", lambda _name: Path("/nonexistent"))
    assert process.memory_kib(figure=process.HIGH_WATER) > 1024
    assert process.memory_kib() == 0
    assert process.memory_kib(1, figure=process.HIGH_WATER) == 0
