"""Connections through the proxy: several hosts, ends, bounds, deadlines, and the drain. The test is client and host."""

import contextlib
import socket
import struct
from collections.abc import Callable

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from services.gateway.proxy.settings import BUFFER_BYTES, READ_BYTES
from services.runtime.http import Address
from services.runtime.sockets.tcp import unacknowledged_bytes
from tests.gateway.proxy.gateways import CONNECTED, Ends, gateway_of, listeners
from tests.gateway.test_relay import send_until_blocked
from tests.sites.peer import Heard, listen

pytestmark = pytest.mark.anyio

RESET = struct.pack("ii", 1, 0)
ALL = 1 << 62
TIMEOUT_S = 20.0


def get(host: str, path: str = "/", fields: str = "") -> bytes:
    """Return a request in absolute-form."""
    return f"GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode()


def sent(host: str, path: str = "/", fields: str = "") -> bytes:
    """Return what the host gets of it."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode()


async def talk(with_them: Callable[[Ends], None], *names: str, **changes: object) -> None:
    """Let a blocking function be the client and the hosts; no connection may be left after it."""
    async with gateway_of(*names, **changes) as ends:
        await anyio.to_thread.run_sync(with_them, ends)
        with anyio.fail_after(TIMEOUT_S):
            while ends.proxy.clients:
                await anyio.lowlevel.checkpoint()
        assert sorted(ends.directory.forgotten) == sorted(ends.directory.announced)


def finish(connection: socket.socket) -> None:
    """End our side of a stream."""
    connection.shutdown(socket.SHUT_WR)


async def test_requests_for_one_host_use_one_connection() -> None:
    """As they come, and before their answers: the host answers pipelined requests in order."""

    def both(ends: Ends) -> None:
        with ends.client() as client:
            client.sendall(get("a", "/1") + get("a", "/2"))
            with ends.host("a") as host:
                assert listen(host, len(sent("a", "/1") * 2)).data == sent("a", "/1") + sent("a", "/2")
                host.sendall(b"one two")
                assert listen(client, 7).data == b"one two"
                client.sendall(get("A.", "/3"))
                assert listen(host, len(sent("A.", "/3"))).data == sent("A.", "/3")
                finish(client)
                assert listen(host, ALL) == Heard(b"", "fin")
                host.sendall(b"three")
            assert listen(client, ALL) == Heard(b"three", "fin")

    await talk(both, "a")


@pytest.mark.parametrize("body", ["length", "chunks"])
async def test_a_body_is_passed_on_as_it_comes(body: str) -> None:
    """Its bytes are not read as a request, though they look like one for another host."""
    inner = get("b", "/smuggled")
    field, raw = {
        "length": (f"Content-Length: {len(inner)}\r\n", inner),
        "chunks": ("Transfer-Encoding: chunked\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)),
    }[body]

    def both(ends: Ends) -> None:
        with ends.client() as client:
            client.sendall(get("a", "/", field) + raw[:7])
            with ends.host("a") as host:
                assert listen(host, len(sent("a", "/", field)) + 7).data == sent("a", "/", field) + raw[:7]
                client.sendall(raw[7:] + get("a", "/next"))
                assert listen(host, len(raw) - 7 + len(sent("a", "/next"))).data == raw[7:] + sent("a", "/next")

    await talk(both, "a", "b")


async def test_the_next_host_is_asked_when_the_last_has_ended() -> None:
    """The last one gets FIN, what is left of its answer comes first, and its FIN is not passed on."""

    def both(ends: Ends) -> None:
        with ends.client() as client:
            client.sendall(get("a") + get("b") + get("a", "/again"))
            with ends.host("a") as host:
                assert listen(host, ALL) == Heard(sent("a"), "fin")
                host.sendall(b"from a, ")
            with ends.host("b") as host:
                assert listen(host, ALL) == Heard(sent("b"), "fin")
                host.sendall(b"from b, ")
            with ends.host("a") as host:
                assert listen(host, len(sent("a", "/again"))).data == sent("a", "/again")
                host.sendall(b"and a")
            assert listen(client, ALL) == Heard(b"from a, from b, and a", "fin")

    await talk(both, "a", "b")


async def test_the_next_host_waits_for_a_client_that_reads_slowly() -> None:
    """Its FIN is behind bytes that are not read meanwhile: the bytes of two hosts are never held at once."""

    async with gateway_of("a", "b") as ends:

        def begin() -> tuple[socket.socket, int]:
            client = ends.client()
            client.sendall(get("a") + get("b"))
            with ends.host("a") as host:
                assert listen(host, ALL) == Heard(sent("a"), "fin")
                count = send_until_blocked(host)
                host.setblocking(True)
            return client, count

        client, count = await anyio.to_thread.run_sync(begin)
        with client:
            assert [link.asked.host for link in ends.directory.announced] == ["a"]
            heard = await anyio.to_thread.run_sync(listen, client, count)
            assert len(heard.data) == count

            def end() -> None:
                with ends.host("b") as host:
                    assert listen(host, len(sent("b"))).data == sent("b")
                    host.sendall(b"from b")
                assert listen(client, ALL) == Heard(b"from b", "fin")

            await anyio.to_thread.run_sync(end)


async def test_a_refusal_comes_after_the_answers_before_it() -> None:
    """And it is the last answer of its connection."""

    def both(ends: Ends) -> None:
        with ends.client() as client:
            client.sendall(get("a") + get("elsewhere") + get("a"))
            with ends.host("a") as host:
                assert listen(host, ALL) == Heard(sent("a"), "fin")
                host.sendall(b"from a ")
            heard = listen(client, ALL)
            assert heard.end == "fin"
            assert heard.data.startswith(b"from a HTTP/1.1 502 Bad Gateway\r\n")
            assert heard.data.endswith(b"\r\n\r\n'elsewhere' is not in this lab: it has a\n")

    await talk(both, "a")


async def test_connect_may_follow_requests() -> None:
    """From then on every byte is passed on, also one that came with CONNECT."""

    def both(ends: Ends) -> None:
        with ends.client() as client:
            client.sendall(get("a") + b"CONNECT b:80 HTTP/1.1\r\n\r\n\0\xffGET")
            with ends.host("a") as host:
                assert listen(host, ALL).end == "fin"
                host.sendall(b"a")
            with ends.host("b") as host:
                assert listen(host, 5).data == b"\0\xffGET"
                host.sendall(b"b")
                assert listen(client, 2 + len(CONNECTED)).data == b"a" + CONNECTED + b"b"
                client.sendall(get("a"))
                assert listen(host, len(get("a"))).data == get("a")

    await talk(both, "a", "b")


async def test_a_host_that_speaks_first_is_heard_after_the_answer_to_connect() -> None:
    """However soon its bytes come."""

    def both(ends: Ends) -> None:
        for _again in range(20):
            with ends.client() as client:
                client.sendall(b"CONNECT a:80 HTTP/1.1\r\n\r\n")
                with ends.host("a") as host:
                    host.sendall(b"220 ready\r\n")
                assert listen(client, ALL) == Heard(CONNECTED + b"220 ready\r\n", "fin")

    await talk(both, "a")


@pytest.mark.parametrize("early", [True, False], ids=["with the request", "later"])
@pytest.mark.parametrize("way", ["absolute", "connect"])
async def test_half_closed_connections_get_their_answer(way: str, early: bool) -> None:
    """RFC 9293, section 3.6: a FIN ends one direction, wherever it is."""

    def both(ends: Ends) -> None:
        head = b"" if way == "absolute" else CONNECTED
        with ends.client() as client:
            client.sendall(get("a") if way == "absolute" else b"CONNECT a:80 HTTP/1.1\r\n\r\n" + sent("a"))
            if early:
                finish(client)
            with ends.host("a") as host:
                assert listen(host, len(sent("a"))).data == sent("a")
                if not early:
                    finish(client)
                assert listen(host, ALL) == Heard(b"", "fin")
                for part in (b"late ", b"answer"):
                    host.sendall(part)
                finish(host)
                assert listen(client, ALL) == Heard(head + b"late answer", "fin")

    await talk(both, "a")


@pytest.mark.parametrize("who", ["client", "host"])
@pytest.mark.parametrize("way", ["absolute", "connect"])
async def test_a_reset_is_passed_on(way: str, who: str) -> None:
    """With every byte before it."""

    def both(ends: Ends) -> None:
        with ends.client() as client:
            client.sendall(get("a") if way == "absolute" else b"CONNECT a:80 HTTP/1.1\r\n\r\n" + sent("a"))
            with ends.host("a") as host:
                assert listen(host, len(sent("a"))).data == sent("a")
                if way == "connect":
                    assert listen(client, len(CONNECTED)).data == CONNECTED
                host.sendall(b"part")
                assert listen(client, 4).data == b"part"
                one, other = (client, host) if who == "client" else (host, client)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                one.close()
                assert listen(other, ALL) == Heard(b"", "rst")

    await talk(both, "a")


async def test_a_reset_waits_for_the_bytes_before_it() -> None:
    """A client that reads slowly gets every byte that came before the reset: a RST would overtake what is unsent."""
    whole = bytes(60_000)  # more than the client's system takes, and less than all of them together

    def both(ends: Ends) -> None:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(TIMEOUT_S)
            client.connect(ends.proxy.address)
            client.sendall(get("a"))
            with ends.host("a") as host:
                assert listen(host, len(sent("a"))).data == sent("a")
                host.sendall(whole)
                while unacknowledged_bytes(host):
                    pass  # else the host's own reset overtakes them
                host.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                host.close()
            assert listen(client, ALL) == Heard(whole, "rst")

    await talk(both, "a")


async def test_while_the_client_reads_nothing_little_is_read_from_the_host() -> None:
    """Back-pressure: what is held has a bound, and none is lost."""
    async with gateway_of("a") as ends:

        def begin() -> tuple[socket.socket, socket.socket, int]:
            client = ends.client()
            client.sendall(get("a"))
            host = ends.host("a")
            assert listen(host, len(sent("a"))).data == sent("a")
            return client, host, send_until_blocked(host)

        client, host, count = await anyio.to_thread.run_sync(begin)
        with client, host:
            (served,) = ends.proxy.clients
            assert 0 < served.stream.unsent_bytes <= BUFFER_BYTES + READ_BYTES  # type: ignore[attr-defined]
            host.shutdown(socket.SHUT_WR)
            heard = await anyio.to_thread.run_sync(listen, client, ALL)
            assert (len(heard.data), heard.end) == (count, "fin")


async def test_while_the_host_reads_nothing_little_is_read_from_the_client() -> None:
    """The same the other way."""
    async with gateway_of("a") as ends:

        def begin() -> tuple[socket.socket, socket.socket, int]:
            client = ends.client()
            client.sendall(b"CONNECT a:80 HTTP/1.1\r\n\r\n")
            assert listen(client, len(CONNECTED)).data == CONNECTED
            return client, ends.host("a"), send_until_blocked(client)

        client, host, count = await anyio.to_thread.run_sync(begin)
        with client, host:
            (served,) = ends.proxy.clients
            held = served.upstream.stream.unsent_bytes  # type: ignore[attr-defined]
            assert 0 < held <= BUFFER_BYTES + READ_BYTES
            client.shutdown(socket.SHUT_WR)
            heard = await anyio.to_thread.run_sync(listen, host, ALL)
            assert (len(heard.data), heard.end) == (count, "fin")


async def test_a_host_that_refuses_gets_a_502_with_its_name() -> None:
    """And the next request finds it when it listens again."""
    async with gateway_of("a") as ends:
        where = Address(*ends.listeners["a"].getsockname()[:2])
        await anyio.to_thread.run_sync(ends.listeners["a"].close)
        heard = await anyio.to_thread.run_sync(ends.ask, get("a"))
        assert heard.data.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert heard.data.endswith(b"\r\n\r\na:80 refused the connection\n")
        head = await anyio.to_thread.run_sync(ends.ask, get("a").replace(b"GET", b"HEAD"))
        assert head.data.endswith(b"Connection: close\r\n\r\n")
        with socket.create_server(where) as again:
            again.settimeout(TIMEOUT_S)
            client = await anyio.to_thread.run_sync(ends.client)
            with client:
                await anyio.to_thread.run_sync(client.sendall, get("a"))
                host, _peer = await anyio.to_thread.run_sync(again.accept)
                host.close()
                await anyio.to_thread.run_sync(listen, client, ALL)


async def test_a_host_that_does_not_answer_gets_a_504() -> None:
    """A listener whose backlog is full drops the SYN."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        async with gateway_of(connect_timeout_s=0.1) as ends:
            ends.directory.hosts["slow"] = Address(*full.getsockname()[:2])
            heard = await anyio.to_thread.run_sync(ends.ask, get("slow"))
            assert heard.data.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
            assert heard.data.endswith(b"\r\n\r\nslow:80 did not answer within 0.1 s\n")
        for each in waiting:
            each.close()


async def test_a_service_is_looked_up_and_one_without_an_address_gets_a_502() -> None:
    """In containers a route is a name; of the second, the resolver says at once that it is none."""
    async with gateway_of("a") as ends:
        port = ends.directory.hosts["a"].port
        ends.directory.hosts |= {"named": Address("localhost", port), "down": Address("no service", 80)}
        for _again in range(2):

            def talk() -> None:
                with ends.client() as client:
                    client.sendall(get("named"))
                    with ends.host("a") as host:
                        assert listen(host, len(sent("named"))).data == sent("named")

            await anyio.to_thread.run_sync(talk)
        heard = await anyio.to_thread.run_sync(ends.ask, get("down"))
        assert heard.data.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert heard.data.endswith(b"\r\n\r\ndown:80: the service no service has no address: is it up?\n")


async def test_a_name_that_comes_is_found_and_one_that_goes_is_not() -> None:
    """The directory is asked at each request."""
    async with gateway_of() as ends:
        assert b" is not in this lab: it has \n" in (await anyio.to_thread.run_sync(ends.ask, get("late"))).data
        with listeners("late") as made:
            ends.directory.hosts["late"] = Address(*made["late"].getsockname()[:2])
            client = await anyio.to_thread.run_sync(ends.client)
            with client:
                await anyio.to_thread.run_sync(client.sendall, get("late"))
                host, _peer = await anyio.to_thread.run_sync(made["late"].accept)
                with host:
                    assert (await anyio.to_thread.run_sync(listen, host, len(sent("late")))).data == sent("late")
        del ends.directory.hosts["late"]
        assert b"'late' is not in this lab" in (await anyio.to_thread.run_sync(ends.ask, get("late"))).data


async def test_the_upstream_that_is_killed_resets_its_clients() -> None:
    """As a client of it would see."""

    def both(ends: Ends) -> None:
        clients = [ends.client() for _ in range(20)]
        hosts = []
        for client in clients:
            client.sendall(get("a"))
            hosts.append(ends.host("a"))
        for host in hosts:
            assert listen(host, len(sent("a"))).data == sent("a")
            host.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            host.close()
        for client in clients:
            assert listen(client, ALL) == Heard(b"", "rst")
            client.close()

    await talk(both, "a")


DEADLINES: dict[str, tuple[dict[str, object], bytes, bytes, str]] = {
    "no request": ({"idle_timeout_s": 0.5}, b"", b"", "fin"),
    "half a head": ({"head_timeout_s": 0.5}, b"GET http", b"HTTP/1.1 408 Request Timeout\r\n", "fin"),
    "half a body": (
        {"silence_timeout_s": 0.5},
        get("a", "/", "Content-Length: 5\r\n") + b"123",
        b"",
        "rst",
    ),
    "a silent host": ({"silence_timeout_s": 1.5}, get("a"), b"", "rst"),
    "a silent tunnel": ({"silence_timeout_s": 1.5}, b"CONNECT a:80 HTTP/1.1\r\n\r\n", CONNECTED, "rst"),
}


@pytest.mark.parametrize(("changes", "request_", "answer", "end"), DEADLINES.values(), ids=DEADLINES)
async def test_every_wait_has_a_deadline(changes: dict[str, object], request_: bytes, answer: bytes, end: str) -> None:
    """A client that has the beginning of an answer is told of the end by a reset."""

    def both(ends: Ends) -> None:
        heard = ends.ask(request_)
        assert heard.data.startswith(answer)
        assert heard.end == end

    await talk(both, "a", **changes)


async def test_a_client_that_goes_on_sending_after_its_last_answer_is_closed() -> None:
    """What it sends is read and dropped meanwhile, so that the answer is not lost to a reset."""

    def both(ends: Ends) -> None:
        with ends.client() as client:
            client.sendall(b"GET / HTTP/9.9\r\n\r\n" + bytes(100_000))
            heard = listen(client, ALL)
            assert heard.end == "fin"
            assert heard.data.startswith(b"HTTP/1.1 505 HTTP Version Not Supported\r\n")

    await talk(both, linger_s=5.0)


async def test_a_client_that_sends_without_end_after_its_last_answer_is_closed() -> None:
    """What it sends does not begin the time anew."""

    def both(ends: Ends) -> None:
        with ends.client() as client:
            client.sendall(b"GET / HTTP/9.9\r\n\r\n")
            with pytest.raises(ConnectionError):
                send_for_ever(client)

    await talk(both, linger_s=0.1)


def send_for_ever(client: socket.socket) -> None:
    """Send until that fails."""
    while True:
        client.sendall(bytes(1000))


async def test_connections_over_the_limit_are_reset() -> None:
    """Those that are open stay so."""

    def both(ends: Ends) -> None:
        with ends.client() as client:
            client.sendall(get("a"))
            with ends.host("a") as host:
                for _again in range(3):
                    with contextlib.suppress(ConnectionResetError):  # it may come before the connect returns
                        assert ends.ask(b"").end == "rst"
                host.sendall(b"here")
                assert listen(client, 4).data == b"here"
        assert ends.proxy.counts.turned_away == 3

    await talk(both, "a", max_connections=1)


async def test_three_hundred_clients_at_once() -> None:
    """Each gets its own answer, and nothing is left."""

    def both(ends: Ends) -> None:
        clients = [ends.client() for _ in range(300)]
        for number, client in enumerate(clients):
            client.sendall(get("a", f"/{number}"))
        for _each in clients:
            with ends.host("a") as host:
                path = host.recv(1000).split()[1]
                host.sendall(path)
        for number, client in enumerate(clients):
            assert listen(client, ALL) == Heard(f"/{number}".encode(), "fin")
            client.close()

    await talk(both, "a")


async def test_a_stop_waits_for_answers_in_flight_and_closes_quiet_connections() -> None:
    """An idle connection of a browser does not delay the stop."""
    async with anyio.create_task_group() as tasks, gateway_of("a", drain_s=TIMEOUT_S) as ends:
        idle = await anyio.to_thread.run_sync(ends.client)
        asking = await anyio.to_thread.run_sync(ends.client)
        await anyio.to_thread.run_sync(asking.sendall, get("a"))
        host = await anyio.to_thread.run_sync(ends.host, "a")

        def answer_once_the_idle_one_has_ended() -> None:
            assert listen(idle, ALL) == Heard(b"", "fin")
            idle.close()
            host.sendall(b"answered")
            assert listen(asking, 8).data == b"answered"
            host.close()
            asking.close()

        tasks.start_soon(anyio.to_thread.run_sync, answer_once_the_idle_one_has_ended)


async def test_a_stop_resets_connections_that_do_not_end() -> None:
    """After `drain_s`, which is less than Compose's grace period."""
    async with gateway_of("a", drain_s=0.1) as ends:
        client = await anyio.to_thread.run_sync(ends.client)
        await anyio.to_thread.run_sync(client.sendall, get("a"))
        host = await anyio.to_thread.run_sync(ends.host, "a")
    with client, host:
        assert await anyio.to_thread.run_sync(listen, client, ALL) == Heard(b"", "rst")
