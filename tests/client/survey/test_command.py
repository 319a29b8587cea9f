"""`client wget` as a program: its output, what it refuses, and how it ends."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pexpect
import pytest

from tests.client.peers import sends, serving
from tests.client.survey.hostile import OK
from tests.client.survey.surveys import (
    ROOT,
    command,
    read_records,
    route_of_all,
    run_client,
    run_client_async,
    started_client,
)

# The survey has a process of its own: it does not matter which loop the servers run on.
ONCE = pytest.mark.parametrize("anyio_backend", ["asyncio"])
ALONE_OR_NOT = pytest.mark.parametrize("processes", ["--processes=1", "--processes=2"])
HANGS = sends(b"", then_hang=True)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--edition", "await", "-i", "x"), "--input"),
        (("--edition", "yield-from", "--retries", "1", "--ordered"), "--ordered, --retries"),
        (("-i", "x", "host"), "not both"),
        (("--resume",), "--resume"),
        (("--resume", "-o", "x"), "--format jsonl"),
        (("--allow-net", "10.0.0.0/8", "host"), "--public-only"),
        (("--public-only", "--allow-net", "ten", "host"), "a network such as"),
        (("--resolve", "x", "host"), "HOST:PORT:ADDR"),
        (("--rate", "-1", "host"), "--rate"),
        (("--rate", "nan", "host"), "--rate"),
        (("-c", "0", "host"), "-c"),
        (("-A", "a\r\nb", "host"), "-A"),
        (("--timeout", "0", "host"), "--timeout"),
    ],
)
def test_what_contradicts_itself_is_refused(arguments: Sequence[str], word: str) -> None:
    """Exit 2 and one line, before anything is fetched."""
    result = run_client(*arguments)
    lines = [line for line in result.stderr.decode().splitlines() if not line.startswith("loop: ")]
    assert (result.returncode, result.stdout, len(lines)) == (2, b"", 1)
    assert word in lines[0]


def test_a_full_disk_is_exit_3_and_one_line() -> None:
    """After any number of records."""
    targets = b"".join(b"bad target %d\n" % number for number in range(20_000))
    for output in (["-o", "/dev/full"], []):
        with Path("/dev/full").open("wb") as full:
            result = subprocess.run(
                command("-i", "-", "--format", "jsonl", *output),
                cwd=ROOT,
                input=targets,
                stdout=None if output else full,
                stderr=subprocess.PIPE,
                check=False,
            )
        where = output[-1] if output else "standard output"
        assert result.returncode == 3
        assert result.stderr.decode().splitlines() == [
            "loop: asyncio",
            f"client: cannot write to {where}: No space left on device",
        ]


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    """-o with the file of -i would lose the list."""
    targets = tmp_path / "targets"
    targets.write_text("host\n")
    result = run_client("-i", targets, "-o", targets, "--format", "jsonl")
    assert (result.returncode, targets.read_text()) == (3, "host\n")


def test_records_never_become_targets(tmp_path: Path) -> None:
    """With `>> targets`, each record would be another line of the input, without end."""
    targets = tmp_path / "targets"
    targets.write_text("a b\n" * 50_000)
    with targets.open("ab") as output:
        result = subprocess.run(
            command("-i", targets, "--format", "jsonl"),
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    assert (result.returncode, targets.stat().st_size) == (3, 200_000)
    assert result.stderr == b"loop: asyncio\nclient: cannot write to standard output: it is the input\n"


@pytest.mark.parametrize(
    ("redirection", "code", "records"),
    [
        ("2>/dev/full", 4, 1),
        ("2>&-", 4, 1),
        (">&-", 3, 0),
        ("-o /dev/fd/3 3>&1 >&- 2>&-", 4, 1),
        ("-i - <&-", 3, 0),
    ],
)
def test_a_standard_stream_that_is_closed_or_full(redirection: str, code: int, records: int) -> None:
    """Without stderr the work is done; without what it needs it is not, and no other file takes the place."""
    target = "" if "-i" in redirection else "127.0.0.1:0"
    words = " ".join(map(quoted, command("--format", "jsonl")))
    result = subprocess.run(
        ["sh", "-c", f"{words} {target} {redirection}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout.count('"error": "usage"')) == (code, records)
    assert result.stdout.count("\n") == records
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("stdin", ["<&-", "0>/dev/null"])
def test_a_stdin_that_cannot_be_read_leaves_the_output_alone(stdin: str, tmp_path: Path) -> None:
    """What the last survey wrote is not lost for one that cannot begin."""
    output = tmp_path / "out"
    output.write_text("precious")
    words = " ".join(map(quoted, map(str, command("-i", "-", "-o", output))))
    result = subprocess.run(["sh", "-c", f"{words} {stdin}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, output.read_text()) == (3, "precious")
    assert result.stderr == "loop: asyncio\nclient: cannot read 'standard input': Bad file descriptor\n"


def test_a_pipe_without_a_reader_is_exit_3(tmp_path: Path) -> None:
    """Opening it as usual would block for ever."""
    os.mkfifo(tmp_path / "pipe")
    result = run_client("host", "-o", tmp_path / "pipe")
    assert result.returncode == 3
    assert result.stderr.endswith(b"/pipe: a pipe without a reader: start its reader first\n")


def test_a_pipe_whose_writer_comes_late_is_waited_for(tmp_path: Path) -> None:
    """^C ends the wait."""
    os.mkfifo(tmp_path / "pipe")
    arguments = command("--format", "jsonl", "-i", tmp_path / "pipe")
    for interrupt in (False, True):
        with subprocess.Popen(
            arguments, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr
            assert process.stdout
            assert process.stderr.readline() == b"loop: asyncio\n"
            if interrupt:
                process.send_signal(signal.SIGINT)
            else:
                (tmp_path / "pipe").write_bytes(b"a b\n")
            assert process.stdout.read().count(b"\n") == (not interrupt)
        assert process.returncode == (130 if interrupt else 4)


def test_an_output_that_cannot_be_opened_is_exit_3(tmp_path: Path) -> None:
    """In one line that names it."""
    result = run_client("host", "-o", tmp_path / "no" / "such")
    assert result.returncode == 3
    assert b"no/such: No such file or directory\n" in result.stderr


def test_lines_that_are_no_target_are_records(tmp_path: Path) -> None:
    """Each has its line and the error `usage`, and the survey goes on."""
    lines = [b"\xff\xfe", b"x" * 1_000_000, b"a\x00b", b"a b", b"", b"# no", b"http://", b"\x1b[2J"]
    result = run_client("-i", "-", "--format", "jsonl", "-o", tmp_path / "out", stdin=b"\n".join(lines))
    records = read_records(tmp_path / "out")
    assert result.returncode == 4
    assert [record["line"] for record in records] == [1, 2, 3, 4, 7, 8]
    assert {record["error"] for record in records} == {"usage"}
    assert (tmp_path / "out").stat().st_size < 10_000


@ALONE_OR_NOT
def test_an_argument_that_is_too_long_is_a_record(processes: str) -> None:
    """It is shown cut, also where another process would fetch it."""
    result = run_client(processes, "--format", "jsonl", "\u00e4" * 9_000, "127.0.0.1:0")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["error"] for record in records] == ["usage", "usage"]
    assert max(map(len, result.stdout.splitlines())) < 2_000


@pytest.mark.anyio
@ONCE
async def test_a_closed_pipe_is_quiet() -> None:
    """`| head` has read enough: no traceback, no summary, exit 0."""
    async with serving(host=sends(OK)) as topology:
        arguments = command("-i", "/dev/stdin", "--format", "jsonl", "--resolve", route_of_all(topology))
        process = await asyncio.create_subprocess_shell(
            f"yes host | head -n 5000 | ({' '.join(map(quoted, arguments))}; echo exit $? >&2) | head -n 1",
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert out.count(b"\n") == 1
    assert err == b"loop: asyncio\nexit 0\n"


def quoted(word: str) -> str:
    """Return a word as a shell reads it."""
    return f"'{word}'"


@pytest.mark.anyio
@ONCE
async def test_a_few_heads_are_shown_as_in_the_tutorial() -> None:
    """Only heads on stdout, an error as a line on stderr, no summary."""
    async with serving(host=sends(OK)) as topology:
        route = route_of_all(topology)
        one = await run_client_async("host", "--resolve", route, "-o", "-")
        assert (one.returncode, one.stderr) == (0, b"loop: asyncio\n")
        assert one.stdout.decode().splitlines() == [
            "wget host...",
            "host header > HTTP/1.1 200 OK",
            "host header > Server: x",
            "host header > Content-Length: 0",
        ]
        mixed = await run_client_async("host", "a b", "--resolve", route)
        assert mixed.returncode == 1
        assert mixed.stderr.startswith(b"loop: asyncio\nwget a b: usage: ")
        assert mixed.stderr.count(b"\n") == 2


@pytest.mark.anyio
@ONCE
async def test_a_head_is_printed_before_the_next_fetch_begins() -> None:
    """With -c 1, each head comes right after its fetch."""
    async with serving(host=sends(OK)) as topology:
        result = await run_client_async(*"abc", "-c", "1", "--resolve", route_of_all(topology))
    lines = [line.split(" header > ")[0] for line in result.stdout.decode().splitlines()]
    assert lines == [line for host in "abc" for line in (f"wget {host}...", host, host, host)]


@pytest.mark.anyio
@ONCE
async def test_a_port_that_is_not_the_usual_one_is_shown() -> None:
    """In both lines, as in the target: two servers of one host are told apart."""
    async with serving(host=sends(OK)) as topology:
        ip, port = topology.routes["host", 80]
        targets = ["host:80", "host:81", f"[::1]:{port}", "http://host:443/x", ip]
        routes = [f"--resolve={name}:{ip}:{port}" for name in ("host:80", "host:81", "host:443", f"[::1]:{port}")]
        result = await run_client_async(*targets, "-c", "1", *routes, f"--resolve={ip}:80:{ip}:{port}")
    shown = ["host", "host:81", f"[::1]:{port}", "host:443", ip]
    lines = result.stdout.decode().splitlines()
    assert lines[::4] == [f"wget {each}..." for each in shown]
    assert lines[1::4] == [f"{each} header > HTTP/1.1 200 OK" for each in shown]


@pytest.mark.anyio
@ONCE
async def test_a_summary_ends_a_survey(tmp_path: Path) -> None:
    """What came of it, by status class and error, and how long each phase took; --quiet says nothing."""
    async with serving(host=sends(OK)) as topology:
        for quiet in ("--format=jsonl", "-q"):
            result = await run_client_async(
                *("-i", "-", "--format", "jsonl", "-o", tmp_path / "out", "--resolve", route_of_all(topology), quiet),
                stdin=b"a\nb\nc d\n",
            )
            assert result.returncode == 1
            lines = result.stderr.decode().splitlines()
            if quiet == "-q":
                assert not lines
                continue
            assert lines[0] == "loop: asyncio"
            assert re.fullmatch(r"3 targets in [\d.]+ s, [\d,]+ a second: 2 answered, 1 not", lines[1])
            assert lines[2:4] == ["  status  2xx 2", "  error   usage 1"]
            assert [line.split()[0] for line in lines[4:]] == ["ms", "dns", "connect", "head", "total", "peak"]


@pytest.mark.anyio
@ONCE
async def test_records_may_be_in_order(tmp_path: Path) -> None:
    """--ordered: in the order of the targets; without it, in the order of the answers."""

    asked, others_have_answers = 0, asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await others_have_answers.wait()
        writer.write(OK)

    async def fast(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        if asked > 10:  # with -c 4: the client has had at least seven answers
            others_have_answers.set()
        writer.write(OK)

    targets = b"slow\n" + b"".join(b"fast\n" for _ in range(300))
    async with serving(slow=slow, fast=fast) as topology:
        routes = [f"{host}:80:127.0.0.1:{topology.routes[host, 80][1]}" for host in ("slow", "fast")]
        for ordered in ([], ["--ordered"]):
            asked = 0
            others_have_answers.clear()
            result = await run_client_async(
                *("-i", "-", "--format", "csv", "-c", "4", "-q", *ordered, *(f"--resolve={each}" for each in routes)),
                stdin=targets,
            )
            lines = [int(row.split(b",")[0]) for row in result.stdout.splitlines()[1:]]
            assert sorted(lines) == list(range(1, 302))
            assert (lines == sorted(lines)) is bool(ordered)


@pytest.mark.anyio
@ONCE
@ALONE_OR_NOT
async def test_an_interrupt_ends_softly(processes: str, tmp_path: Path) -> None:
    """No new target; fetches in flight get a moment to end; a record for each; the summary; exit 130."""
    async with serving(host=HANGS) as topology:
        output = tmp_path / "out"
        words: list[str | Path] = ["-i", "-", "-c", "3", "-o", output, processes]
        async with begun(words, route_of_all(topology), b"a\nb\nc\nd\n", 3) as process:
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)  # at once: as `docker compose run -T` does
            _, err = await process.communicate()
    records = await asyncio.to_thread(read_records, output)
    assert process.returncode == 130
    assert [(record["target"], record["error"]) for record in records] == [(each, "cancelled") for each in "abc"]
    assert b"3 targets in " in err
    assert err.count(b"finishing 3; ^C again stops now\n") == 1


@pytest.mark.anyio
@ONCE
@ALONE_OR_NOT
async def test_a_second_interrupt_ends_at_once(processes: str, tmp_path: Path) -> None:
    """Sooner than after one ^C, and each target in flight has a record all the same."""
    took_s = {}
    async with serving(host=HANGS) as topology:
        for signals in (1, 2):
            output = tmp_path / f"out-{signals}"
            async with begun(["-i", "-", "-o", output, processes], route_of_all(topology), b"a\nb\n", 2) as process:
                assert process.stderr
                process.send_signal(signal.SIGINT)
                await process.stderr.readuntil(b"^C again stops now\n")
                began_s = asyncio.get_running_loop().time()
                if signals == 2:
                    await asyncio.sleep(0.15)  # longer than what counts as one
                    process.send_signal(signal.SIGINT)
                await process.communicate()
                took_s[signals] = asyncio.get_running_loop().time() - began_s
            assert process.returncode == 130
            assert len(await asyncio.to_thread(read_records, output)) == 2
    assert took_s[2] < took_s[1]


@asynccontextmanager
async def begun(
    arguments: Sequence[str | Path], route: str, stdin: bytes, requests: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Have a survey that has so many requests under way."""
    async with started_client(*arguments, "--format", "jsonl", "--resolve", route, stdin=stdin) as process:
        port = int(route.rpartition(":")[2])
        while await asyncio.to_thread(established, port) < requests:  # noqa: ASYNC110 - the kernel has no event for it
            await asyncio.sleep(0.02)
        yield process


def established(port: int) -> int:
    """Return how many connections to a port of this machine there are, as the kernel lists them."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


@pytest.mark.anyio
@ONCE
@pytest.mark.parametrize("columns", [120, 40])
async def test_progress_is_live_on_a_terminal(tmp_path: Path, columns: int) -> None:
    """Done, left and failed, on a narrow one too; removed at the end."""
    await asyncio.to_thread((tmp_path / "in").write_text, "slow\n" + "a b\n" * 99)
    shown, loop = asyncio.Event(), asyncio.get_running_loop()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shown.wait()

    async with serving(host=slow) as topology:
        arguments = command(
            *("-i", tmp_path / "in", "--format", "jsonl", "-o", tmp_path / "out", "--timeout", "50"),
            *("--head-timeout", "50", "--resolve", route_of_all(topology)),
        )
        screen = await asyncio.to_thread(
            on_terminal,
            arguments,
            columns,
            until="99 done.*errors: usage 99",
            then=lambda: loop.call_soon_threadsafe(shown.set),
        )
    assert "99 done, 99%, about 0:0" in screen
    assert "errors: usage 99" in screen
    assert ("1 in flight" in screen) == (columns == 120)
    assert "100%" not in screen
    assert "100 targets in " in screen


def on_terminal(arguments: Sequence[str], columns: int, *, until: str, then: Callable[[], object]) -> str:
    """Run a program on a terminal that is so wide, and return what it wrote there; `then`: what is done at `until`."""
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    with pexpect.spawn(
        arguments[0], list(arguments[1:]), cwd=str(ROOT), env=environment, encoding="utf-8", timeout=50
    ) as run:
        run.expect(re.compile(until, re.DOTALL))
        before = run.before + run.after
        then()
        run.expect(pexpect.EOF)
        return str(before + run.before)


@pytest.mark.usefixtures("unmeasured")
def test_help_needs_little() -> None:
    """It imports no loop, no TLS, no dataclasses, and nothing else that only a run needs."""
    code = (
        "import sys\n"
        "from services.client.cli import main\n"
        "try: main(['wget', '--help'])\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--public-only" in result.stdout
    heavy = {"asyncio", "dataclasses", "ssl", "aiohttp", "socket", "json", "urllib.parse", "rich", "ipaddress"}
    if sys.version_info >= (3, 14):  # argparse asks what colours there are, and what knows it is made of dataclasses
        heavy.remove("dataclasses")
    assert not heavy & set(result.stderr.split())
