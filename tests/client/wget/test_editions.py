"""The tutorial's two editions of wget, against hosts that are not in the tutorial."""

import pytest

from services.client.wget.tutorial import EDITIONS, fetch_all
from tests.client.peers import Peer, sends, serving

OK = b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"


@pytest.fixture(params=["sequential", "yield-from", "await"])
def edition(request: pytest.FixtureRequest) -> str:
    """Return the name of each edition."""
    return str(request.param)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("peer", "error"),
    [
        (sends(b""), "closed: the peer closed before it sent a byte"),
        (sends(b"HTTP/1.1 200 OK\r\nServer: x\r\n"), "truncated_head: the peer closed inside its head, after 2 lines"),
        (sends(b"HTTP/1.1 200 OK\r\nServ"), "truncated_head: the peer closed inside its head, after 1 lines"),
        (sends(b"HTTP/1.1 200 OK\nServer: x\n\n"), "malformed_head: line 1 ends with a bare LF"),
        (sends(b"HTTP/1.1 200 OK\r\nServer: x\r\n\n"), "malformed_head: line 3 ends with a bare LF"),
        (sends(b"<html>\r\n\r\n"), "not_http: the first line is b'<html>\\r\\n'"),
        (sends(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 2_000), "head_too_large: more than 1000 lines"),
        (sends(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000), "head_too_large: "),
        (sends(b"HTTP/1.1 200 OK\r\n", then_hang=True), "head_timeout: no whole head within 3 s"),
    ],
    ids=[
        "closes",
        "closes in head",
        "closes in line",
        "bare LF",
        "ends in bare LF",
        "no HTTP",
        "lines",
        "line",
        "hangs",
    ],
)
async def test_a_hostile_peer_ends_its_own_fetch_and_no_other(
    edition: str, peer: Peer, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each fetch ends: one line on stderr, and the healthy host is printed all the same."""
    async with serving(hostile=peer, healthy=sends(OK)) as topology:
        code = await fetch_all(
            ["hostile", "healthy"], topology, edition=edition, timeout_s=3 if "head_timeout" in error else 20
        )
    out, err = capsys.readouterr()
    assert code == 1
    assert "healthy header > HTTP/1.1 200 OK\nhealthy header > Server: x\n" in out
    assert "hostile header" not in out
    assert err.startswith(f"wget hostile: {error}")
    assert err.count("\n") == 1


@pytest.mark.anyio
async def test_latin_1_is_shown_and_controls_are_escaped(edition: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes above 127 do not end the fetch; an escape sequence does not reach the terminal."""
    head = b"HTTP/1.1 200 OK\r\nServer: caf\xe9 \x1b[2J\x9b\x1f\xa0 \t\r\n\r\n"
    async with serving(host=sends(head)) as topology:
        assert await fetch_all(["host"], topology, edition=edition, timeout_s=5) == 0
    assert capsys.readouterr().out.endswith("host header > Server: café \\x1b[2J\\x9b\\x1f\xa0\n")


@pytest.mark.anyio
@pytest.mark.parametrize("target", ["", "a b", "host:0", "host:65536", "http://host", "h\nost", "x" * 300])
async def test_what_is_no_target_is_a_usage_error(
    edition: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and the other targets are fetched."""
    async with serving(healthy=sends(OK)) as topology:
        assert await fetch_all([target, "healthy"], topology, edition=edition, timeout_s=5) == 1
    err = capsys.readouterr().err
    assert "usage: a target is host or host:port\n" in err
    assert err.count("\n") == 1


@pytest.mark.anyio
async def test_a_port_that_is_not_there_is_no_missing_name(edition: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The name is in the lab; its port refuses, as in containers."""
    async with serving(there=sends(OK)) as topology:
        assert await fetch_all(["there:81", "gone:81"], topology, edition=edition, timeout_s=5) == 4
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "wget gone:81: dns: no such name in the embedded lab",
        "wget there:81: refused: there has no port 81 in the embedded lab",
    ]


@pytest.mark.anyio
async def test_no_answer_at_all_is_exit_4(edition: str) -> None:
    """A closed port, and an unknown name."""
    async with serving(gone=sends(b"")) as topology:
        pass
    assert await fetch_all(["gone", "nowhere"], topology, edition=edition, timeout_s=5) == 4


def test_the_editions_are_all_offered() -> None:
    """The command's choices are the editions that exist, beside the survey."""
    from services.client.options.wget import EDITIONS as OFFERED

    assert set(OFFERED) == {"survey", *EDITIONS}
