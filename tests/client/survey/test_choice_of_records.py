"""--columns and --only: which part of the results is written."""

import asyncio
import csv
import io
import re
from pathlib import Path

import pytest

from services.client.survey.options import Options
from services.client.survey.results.formats import COLUMNS, TLS_COLUMNS, format_of
from services.client.survey.results.record import Record
from services.client.survey.results.tls import TlsJson
from tests.client.peers import sends, serving
from tests.client.survey.hostile import shut_port
from tests.client.survey.surveys import route_of_all, run_client, run_client_async

FOUND = b"HTTP/1.1 301 Moved\r\nServer: a, b\r\nserver: c\r\nLocation: =x\r\nContent-Type: text/html\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n\r\n"
ONCE = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@pytest.mark.anyio
@ONCE
async def test_a_table_has_what_surveyors_look_for() -> None:
    """When, and three fields; one that came twice has both values, and none is a formula."""
    async with serving(host=sends(FOUND)) as topology:
        result = await run_client_async("host", "--format", "csv", "--resolve", route_of_all(topology))
    (row,) = csv.DictReader(io.StringIO(result.stdout.decode()))
    assert tuple(row) == COLUMNS
    assert (row["server"], row["location"], row["content_type"]) == ("a, b, c", "'=x", "text/html")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["time"])


@pytest.mark.anyio
@ONCE
@pytest.mark.parametrize("processes", ["1", "2"])
async def test_a_table_may_have_fewer_columns(processes: str) -> None:
    """In the order that is asked for."""
    async with serving(host=sends(FOUND)) as topology:
        result = await run_client_async(
            *("host", "a b", "--format", "csv", "--columns", "status, target,error", "--processes", processes),
            *("--resolve", route_of_all(topology)),
        )
    head, *rows = result.stdout.decode().splitlines()
    assert (head, sorted(rows)) == ("status,target,error", [",a b,usage", "301,host,"])


@pytest.mark.anyio
@ONCE
@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize(
    ("only", "targets"),
    [
        ("2xx", ["good"]),
        ("301", ["found"]),
        ("2XX,302", ["good"]),
        ("refused,3xx", ["found", "shut"]),
        ("usage", ["a b"]),
        ("dns", []),
    ],
)
async def test_only_some_records_are_written(only: str, targets: list[str], processes: str, tmp_path: Path) -> None:
    """All are counted: in the summary, and in the exit code."""
    async with serving(found=sends(FOUND), good=sends(OK)) as topology:
        with shut_port() as shut:
            routes = {**topology.routes, ("shut", 80): shut}
            resolve = [f"--resolve={host}:80:{ip}:{port}" for (host, _), (ip, port) in routes.items()]
            result = await run_client_async(
                *("-i", "-", "--format", "csv", "--columns", "target", "-o", tmp_path / "out", "--only", only),
                *("--processes", processes, *resolve),
                stdin=b"found\ngood\nshut\na b\n",
            )
    written = (await asyncio.to_thread((tmp_path / "out").read_text)).splitlines()
    assert (written[0], sorted(written[1:])) == ("target", sorted(targets))
    assert result.returncode == 1
    assert b"4 targets in " in result.stderr
    assert b"2 answered, 2 not" in result.stderr


def test_a_table_may_have_what_the_certificate_says() -> None:
    """Where it is asked for: by a name that is no formula, and with a list of names that holds any separator."""
    asked = Options([], format="csv", columns=["target", *TLS_COLUMNS])
    said = TlsJson(
        version="TLSv1.3",
        cipher=None,
        alpn=None,
        not_before=None,
        not_after="2030-01-01T00:00:00Z",
        sha256=None,
        error=None,
        subject="=CN",
        issuer="O=x,C=y",
        sans=["a, b", "c"],
    )
    form = format_of(asked)
    assert form.opening == b"target,tls_subject,tls_issuer,tls_sans,tls_not_after\n"
    (row,) = csv.reader([form.ended(Record(1, "a", "asyncio", tls=said)).decode()])
    assert row == ["a", "'=CN", "O=x,C=y", '["a, b", "c"]', "2030-01-01T00:00:00Z"]
    assert form.ended(Record(2, "b", "asyncio")) == b"b,,,,\n"
    assert not set(TLS_COLUMNS) & set(COLUMNS)


@pytest.mark.anyio
@ONCE
async def test_only_some_heads_are_shown() -> None:
    """Also for a person: nothing is printed of the others, on stdout or stderr."""
    async with serving(found=sends(FOUND), good=sends(OK)) as topology:
        resolve = [f"--resolve={host}:80:{ip}:{port}" for (host, _), (ip, port) in topology.routes.items()]
        result = await run_client_async("found", "good", "a b", "--only", "200", *resolve)
    assert result.stdout == b"good header > HTTP/1.1 200 OK\n"
    assert result.stderr == b"loop: asyncio\n"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--columns", "status,nonsense", "--format", "csv"), "line, target, url"),
        (("--columns", "status,status", "--format", "csv"), "each once"),
        (("--columns", "", "--format", "csv"), "--columns"),
        (("--columns", "status"), "--format csv"),
        (("--only", "2xx,"), "--only"),
        (("--only", "20x"), "a status (301), a class of them (2xx) or an error"),
        (("--only", "refuse"), "connect_timeout"),
        (("--only", "2xx", "--resume", "-o", "x", "--format", "jsonl"), "leave one out"),
        (("--columns", "line,status", "--resume", "-o", "x", "--format", "csv"), "lacks target, error"),
        (("--force",), "--output"),
        (("--force", "--resume", "-o", "x", "--format", "csv"), "leave one out"),
        (("--method", "POST"), "GET"),
    ],
)
def test_what_cannot_be_chosen_is_refused(arguments: tuple[str, ...], word: str) -> None:
    """Exit 2, one line, and no file is touched."""
    result = run_client("host", *arguments)
    lines = [line for line in result.stderr.decode().splitlines() if not line.startswith("loop: ")]
    assert (result.returncode, result.stdout, len(lines)) == (2, b"", 1)
    assert word in lines[0]
