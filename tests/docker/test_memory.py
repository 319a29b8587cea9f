"""No peer and no valid input ends a service by its memory, with the limits of compose.yaml.

What is attacked answers a healthy client meanwhile; and afterwards it is the same process as before.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from python_on_whales import Container

from lab import ROOT
from lab.compose.stack import Stack
from services.runtime.errors import TooLittleMemory
from tests.docker import attacks
from tests.stacks import image_of, reread, stack_of

SCRIPT = Path(attacks.__file__).read_text("utf-8")
ASK = """
from urllib.request import Request, urlopen
print(urlopen(Request("http://127.0.0.1:8080/", headers={"Host": "keep.test"})).read())
"""
PROJECT = "asynclab-test-memory"
MIB = 1024 * 1024

ATTACKS = {
    "10,000 handshakes of three bytes": ("tls_trickle", "sohu", 443, 10_000),
    "2,000 handshakes that the peer never ends": ("sessions", "sohu", 443, 2_000),
    "4,000 ClientHellos of 63 KB": ("tls_hello", "sohu", 443, 4_000),
    "4,000 ClientHellos as large as may be": ("tls_hello_in_bounds", "sohu", 443, 4_000),
    "2,000 that pipeline and read nothing": ("pipeline", "sohu", 80, 2_000),
    "2,000 that pipeline and read nothing, over the admin side": ("pipeline", "sohu", 8081, 2_000),
    "5,000 heads that are not whole": ("heads", "sohu", 80, 5_000),
    "10,000 idle connections to hello": ("idle", "hello", 8000, 10_000),
    "2,000 that pipeline while hello waits": ("pipeline", "hello", 8000, 2_000),
    "5,000 heads that are not whole, to hello": ("heads", "hello", 8000, 5_000),
    "500 bodies to hello": ("bodies", "hello", 8000, 500),
}


def container_of(stack: Stack, service: str) -> Container:
    """Return a service's container."""
    (found,) = stack.client().compose.ps([service])
    return found


def life(container: Container) -> tuple[object, ...]:
    """Return what differs between a container and one that was started again, or killed for its memory."""
    container.reload()  # type: ignore[no-untyped-call]
    return container.id, container.state.started_at, container.restart_count, container.state.oom_killed


@pytest.mark.parametrize(("name", "service", "port", "count"), ATTACKS.values(), ids=ATTACKS)
def test_a_service_outlives_an_attack_on_its_memory(
    stack: Stack, name: str, service: str, port: int, count: int
) -> None:
    """No restart and no kill; a healthy client is answered during the attack."""
    container = container_of(stack, service)
    before = life(container)
    done = stack.run_compose(
        *("run", "--rm", "-T", "--no-deps", "--entrypoint", "python3", "client", "-c", SCRIPT),
        *(name, service, str(port), str(count)),
    )
    assert done.returncode == 0, done.stderr
    found: Mapping[str, float] = json.loads(done.stdout)
    assert found["opened"] > count * 0.9, found
    if port != 8081:
        assert found["healthy"] >= attacks.HEALTHY * 0.9, found
    assert life(container) == before
    assert before[-1] is False


def test_recordings_that_do_not_fit_leave_the_others_played(stack: Stack, tmp_path: Path) -> None:
    """75 recordings of 8 MiB beside one that is played: /readyz says what memory they need and what there is."""
    (tmp_path / "keep.test.http").write_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept")
    tmp_path.chmod(0o755)
    client = stack.client()
    site = client.run(
        image_of(stack, "sites"),
        detach=True,
        memory="512m",
        volumes=[(tmp_path, "/recordings", "ro")],
        envs={"SITES_RECORDINGS": "/recordings", "SITES_PORT": "8080", "SITES_TLS_PORT": "8443"},
    )
    try:
        probe = "python3 -m services.runtime.serving.healthcheck 8081"
        client.container.execute(site, ["sh", "-c", f"until {probe} | grep keep.test; do :; done"])
        before = life(site)
        for number in range(75):
            file = tmp_path / f"part{number}"
            with file.open("wb") as made:
                made.write(b"HTTP/1.1 200 OK\r\n\r\n")
                made.truncate(8 * MIB)
            file.rename(tmp_path / f"r{number}.test.http")
        said = client.container.execute(site, ["sh", "-c", f"until {probe} | grep 'too large: 76'; do :; done"])
        assert "recordings: too large: 76 recordings need 600.0 MiB, and this site has room for" in str(said)
        assert "not ready: recording recordings: too large: " in client.container.logs(site)
        assert client.container.execute(site, ["python3", "-c", ASK]) == "b'kept'"
        assert life(site) == before
    finally:
        client.container.remove(site, force=True)


@pytest.fixture
def fresh(engine: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Have a project with nothing in it yet."""
    monkeypatch.setenv("HELLO_PORT", "0")
    monkeypatch.setenv("GATEWAY_PORT", "0")
    monkeypatch.setenv("WATCH_PORT", "0")
    stack = stack_of(PROJECT, ROOT)
    stack.down()
    yield stack
    monkeypatch.undo()
    stack.down()


def test_too_many_workers_for_the_memory_are_one_line(fresh: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make up` says how many fit, before it changes anything."""
    monkeypatch.setenv("HELLO_WORKERS", "32")
    with pytest.raises(
        TooLittleMemory, match=r"^HELLO_WORKERS=32 needs about 988 MiB, and there are 512 MiB: at most 16"
    ):
        reread(fresh).up(print)
    assert fresh.services() == []
