"""Look-ups of names: cached, bounded, and not delayed by other names that hang."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from services.client.network import resolver as resolver_module
from services.client.network.resolver import Resolver


class SlowResolver:
    """Answers with one address, counts the look-ups, and hangs on names that begin with `hang` until it is released."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()

    def __call__(self, host: str) -> Sequence[str]:
        """Answer, or not."""
        self.asked.append(host)
        if host.startswith("hang"):
            self.released.wait(30)
        if host.startswith("no"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host.startswith("busy"):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return ["192.0.2.1", "2001:db8::1", "192.0.2.1"]


@pytest.fixture
def resolver() -> Iterator[SlowResolver]:
    """Return a resolver; look-ups that hang end with the test."""
    resolver = SlowResolver()
    yield resolver
    resolver.released.set()


@pytest.mark.anyio
async def test_a_name_is_asked_for_once(resolver: SlowResolver) -> None:
    """The answer is shared, at the same time and later."""
    names = Resolver(resolver)
    first, second = await asyncio.gather(names.look_up("host"), names.look_up("host"))
    assert first == second == names.known("host") == ("192.0.2.1", "2001:db8::1")
    assert resolver.asked == ["host"]


@pytest.mark.anyio
async def test_an_unknown_name_is_cached_and_a_temporary_error_is_not(resolver: SlowResolver) -> None:
    """A resolver that is busy may be asked again at once."""
    names = Resolver(resolver)
    for host in ("no.such", "busy"):
        with pytest.raises(socket.gaierror):
            await names.look_up(host)
    with pytest.raises(socket.gaierror):
        names.known("no.such")
    assert names.known("busy") is None


@pytest.mark.anyio
async def test_hanging_names_delay_no_other_names(resolver: SlowResolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if more hang than may be looked up at once: others replace them when they are known to hang."""
    monkeypatch.setattr(resolver_module, "HANGS_S", 0.05)
    names = Resolver(resolver, at_once=4, most_threads=32)
    hanging = [names.look_up(f"hang-{number}") for number in range(12)]
    answers = [names.look_up(f"host-{number}") for number in range(8)]
    async with asyncio.timeout(20):
        await asyncio.gather(*answers)
    assert not any(each.done() for each in hanging)
    for each in hanging:
        each.cancel()


@pytest.mark.anyio
async def test_hundreds_of_hanging_names_delay_no_other_names(resolver: SlowResolver) -> None:
    """With the bounds of a survey."""
    names = Resolver(resolver)
    hanging = [names.look_up(f"hang-{number}") for number in range(300)]
    async with asyncio.timeout(20):
        await asyncio.gather(*[names.look_up(f"host-{number}") for number in range(20)])
    assert not any(each.done() for each in hanging)
    for each in hanging:
        each.cancel()


@pytest.mark.anyio
async def test_a_look_up_without_a_waiting_task_is_not_made(resolver: SlowResolver) -> None:
    """It would delay other names; a later task asks again."""
    names = Resolver(resolver, at_once=1, most_threads=1)
    hanging = names.look_up("hang")
    for number in range(20):
        names.look_up(f"gone-{number}").cancel()
    late = names.look_up("gone-7")
    resolver.released.set()
    async with asyncio.timeout(20):
        await asyncio.gather(hanging, late, names.look_up("host"))
    assert resolver.asked == ["hang", "gone-7", "host"]


@pytest.mark.anyio
async def test_threads_are_bounded(resolver: SlowResolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any number of names that hang, for any time."""
    monkeypatch.setattr(resolver_module, "HANGS_S", 0.01)
    before = threading.active_count()
    names = Resolver(resolver, at_once=2, most_threads=5)
    waiting = [names.look_up(f"hang-{number}") for number in range(20)]
    async with asyncio.timeout(20):
        while len(resolver.asked) < 5:  # noqa: ASYNC110 - the threads have no event for it
            await asyncio.sleep(0.01)
        for _ in range(10):
            await asyncio.sleep(0.01)
        assert threading.active_count() <= before + 5
        resolver.released.set()
        await asyncio.gather(*waiting)


@pytest.mark.anyio
async def test_the_cache_is_bounded(resolver: SlowResolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest entry is dropped first."""
    monkeypatch.setattr(resolver_module, "MAX_CACHED", 3)
    names = Resolver(resolver)
    for number in range(5):
        await names.look_up(f"host-{number}")
    assert [names.known(f"host-{number}") is not None for number in range(5)] == [False, False, True, True, True]


@pytest.mark.anyio
async def test_the_cache_expires(resolver: SlowResolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may get another address."""
    monkeypatch.setattr(resolver_module, "CACHED_S", -1.0)
    names = Resolver(resolver)
    await names.look_up("host")
    assert names.known("host") is None


@pytest.mark.anyio
async def test_the_system_resolver_is_asked() -> None:
    """Addresses in any spelling need no server."""
    names = Resolver()
    assert await names.look_up("127.1") == ("127.0.0.1",)
    with pytest.raises(socket.gaierror):
        await names.look_up("a" * 300)
