"""A lab from its start to its end, and how a client reaches it. `lab` is the plugin's fixture."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import anyio.to_thread
import pytest

from asynclab import Lab, LabError, LabGone
from tests.asynclab.client import fetch, status_line

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 \r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
HOSTS = ["www.163.com", "www.sina.com.cn", "www.sohu.com"]


def test_the_example_of_the_documentation(lab: Lab) -> None:
    """Everything that the package offers, as a reader meets it first."""
    site = lab.site("www.163.com")
    assert status_line(fetch(site.url, host=site.host)) == b"HTTP/1.0 302 Moved Temporarily"
    assert site.tls_url.startswith("https://127.0.0.1:")
    assert lab.ca_file.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
    api = lab.play("api.example", OK)
    api.play(BUSY, path="/v1/*", times=2)
    answers = [status_line(fetch(api.url, host="api.example", target="/v1/x")) for _ in range(3)]
    assert answers == [b"HTTP/1.1 503 ", b"HTTP/1.1 503 ", b"HTTP/1.1 200 OK"]
    site.fault("rst_at", bytes=40, first=1)
    assert len(fetch(site.url, host=site.host)) == 40
    site.clear()
    assert len(fetch(site.url, host=site.host)) > 40
    assert [each.ended for each in site.journal()] == ["fin", "rst", "fin"]
    site.verify(count=3, method="GET", order=["/", "/"], at_once=1)
    api.verify(count=2, status=503)


def test_a_client_reaches_every_host_by_name_through_the_proxy(lab: Lab) -> None:
    """Over HTTP in absolute form; the journal has the client's own address."""
    lab.play("api.example", OK)
    for host in [*HOSTS, "api.example"]:
        answer = fetch(lab.proxy_url, host=host, target=f"http://{host}/")
        assert answer.startswith(b"HTTP/1.")
        lab.site(host).verify(count=1, fields={"host": host})


def test_a_client_that_trusts_the_ca_speaks_tls(lab: Lab) -> None:
    """The certificate is for the host's name."""
    site = lab.site("www.sohu.com")
    parts = urlsplit(site.tls_url)
    context = ssl.create_default_context(cafile=lab.ca_file)
    with (
        socket.create_connection((parts.hostname or "", parts.port or 443), 20) as plain,
        context.wrap_socket(plain, server_hostname=site.host) as connection,
    ):
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: www.sohu.com\r\nConnection: close\r\n\r\n")
        assert connection.recv(12).startswith(b"HTTP/1.")
    site.verify(count=1, tls=True, method="HEAD")


def test_the_environment_sends_a_program_through_the_gateway(lab: Lab) -> None:
    """One that knows proxies, such as urllib; loopback is reached without."""
    program = "import os, urllib.request as u; print(u.urlopen('http://api.example/').read().decode())"
    lab.play("api.example", OK)
    environment = os.environ | lab.environ
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True, timeout=30)
    assert ran.stdout.strip() == b"ok"
    assert environment["ASYNCLAB_URL"] == lab.proxy_url


def test_a_lab_is_joined_and_stays_when_it_is_left(lab_session: Lab) -> None:
    """It has the same hosts; the file of its CA is fetched, and removed."""
    with Lab.join(lab_session.proxy_url) as joined:
        assert joined.hosts == lab_session.hosts == HOSTS
        ca = joined.ca_file
        assert ca.read_bytes() == lab_session.ca_file.read_bytes()
        assert (joined.is_direct, joined.hello_url) == (True, lab_session.hello_url)
    assert not ca.exists()
    assert lab_session.hosts == HOSTS


def test_a_lab_that_is_left_has_ended() -> None:
    """Its port is closed, and the file of its CA is gone."""
    with Lab() as lab:
        address, ca, site = urlsplit(lab.proxy_url), lab.ca_file, lab.site("www.163.com")
        assert ca.exists()
    assert not ca.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname or "", address.port or 0), 20)
    with pytest.raises(LabError, match="inside `with Lab"):
        lab.site("www.163.com")
    with pytest.raises(LabGone, match="its `with` block is over"):
        site.faults()


def test_a_lab_is_entered_once(lab: Lab, lab_session: Lab) -> None:
    """Not again while it runs, and a view not at all."""
    for each in (lab, lab_session):
        with pytest.raises(LabError, match="entered already"):
            each.__enter__()


def test_a_view_leaves_nothing(lab: Lab) -> None:
    """Not its faults, its plays, or its hosts; and it sees no request from before."""
    site = lab.site("www.163.com")
    site.fault("status", status=503, first=1)
    fetch(site.url, host=site.host)
    before = site.faults()
    with lab.view() as view:
        inner = view.site("www.163.com")
        assert (inner.journal(), view.journal()) == ([], [])
        inner.fault("drip")
        view.play("api.example", OK).verify(count=0)
        assert view.hosts == ["api.example", *HOSTS]
    assert (site.faults(), lab.hosts, len(site.journal())) == (before, HOSTS, 1)
    with pytest.raises(LabError, match="inside `with Lab"):
        view.site("www.163.com")


def test_a_view_leaves_nothing_where_its_block_fails(lab: Lab) -> None:
    """What failed is raised."""
    site = lab.site("www.163.com")
    with pytest.raises(AssertionError), lab.view() as view:  # noqa: PT012 - the block is what is tested
        view.site("www.163.com").fault("drip")
        view.site("www.163.com").verify(timeout_s=0)
    assert site.faults() == []


def test_a_host_that_comes_back_is_found_at_its_new_ports(lab: Lab) -> None:
    """Plays are removed, and put back by a view, under a site that was there all the while."""
    site = lab.play("api.example", OK)
    with lab.view() as view:
        view.site("api.example").plays()[0].remove()
        assert "api.example" not in view.hosts
    assert fetch(site.url, host="api.example") == OK
    site.plays()[0].remove()
    lab.play("api.example", OK)
    assert fetch(site.url, host="api.example") == OK
    site.verify(count=2)


def test_threads_share_a_lab(lab: Lab) -> None:
    """Each with a host to itself; calls of all of them are in progress at once."""
    barrier = threading.Barrier(8, timeout=20)

    def use(number: int) -> int:
        barrier.wait()
        site = lab.play(f"host-{number}.example", OK)
        for _time in range(10):
            site.fault("fin_at", bytes=number)
            assert len(fetch(site.url, host=site.host)) == number
            site.clear()
        site.verify(count=10, fault="fin_at", ended="fin")
        return len(site.journal())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, range(8))) == [10] * 8
    assert len(lab.journal()) == 80


def test_threads_add_hosts_while_others_go(lab: Lab) -> None:
    """The host through which a new one would have been added may be gone by then: another one is asked."""
    barrier = threading.Barrier(8, timeout=20)

    def use(number: int) -> None:
        barrier.wait()
        for time in range(5):
            site = lab.play(f"a-{number}-{time}.example", OK)  # ahead of those that stay, in the order of the names
            assert fetch(site.url, host=site.host) == OK
            site.plays()[0].remove()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    assert lab.hosts == ["www.163.com", "www.sina.com.cn", "www.sohu.com"]


@pytest.mark.anyio
async def test_async_tests_use_the_same_calls(lab: Lab) -> None:
    """On either loop. Calls from a thread do not block the loop, however strict its detector is."""
    site = await anyio.to_thread.run_sync(lab.play, "api.example", OK)
    parts = urlsplit(site.url)

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(b"GET /late HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    async with asyncio.TaskGroup() as group:
        asked = group.create_task(ask())
        await asyncio.to_thread(site.verify, count=1, target="/late")
    assert asked.result().endswith(b"ok")


def test_a_child_after_a_fork_uses_connections_of_its_own(lab: Lab) -> None:
    """Answers to two processes on one connection would be mixed up."""
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    site = lab.site("www.163.com")
    site.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of earlier tests may be left, idle
        child = os.fork()
    if not child:  # pragma: no cover - another process
        code = 1
        try:
            for _time in range(20):
                site.fault("rst_at", bytes=40)
            code = 0
        finally:
            os._exit(code)
    for _time in range(20):
        assert site.journal() == []
    assert os.waitpid(child, 0)[1] == 0


def test_the_package_imports_no_more_than_the_standard_library(tmp_path: Path) -> None:
    """Its own lab is another process, so that no name of the lab's meets one of the tests'."""
    program = (
        "import sys; import asynclab; import asynclab.lab; "
        "own = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names); print(sorted(own))"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, check=True, cwd=tmp_path, timeout=30
    )
    loaded = eval(ran.stdout)  # noqa: S307 - what this test printed
    assert {"lab", "services", "aiohttp", "pytest"} & set(loaded) == set()
    assert "asynclab" in loaded
