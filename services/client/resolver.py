"""Looking names up without waiting for the ones that hang.

`getaddrinfo` blocks for as long as the resolver likes and cannot be stopped. asyncio's own look-ups share a pool
that a few hanging names can fill, and that the interpreter waits for at its end. Here daemon threads ask: they keep
nobody waiting when the program ends, and one whose question has been open for HANGS_S gives up its place to a fresh
thread, so that hanging names delay nobody else. A question that nobody waits for any more is not asked. Answers are
cached, for a while and up to a number.
"""

import asyncio
import queue
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from services.runtime.errors import NoThread
from services.runtime.tasks import start_daemon_thread

AT_ONCE = 64  # threads whose question has not been open for long: resolvers turn away who asks too much at once
MOST_THREADS = 1_024  # with those that hang; the client's container may have a few more
HANGS_S = 0.1
KEPT_S = 60.0
MOST_KEPT = 4_096
MOST_ADDRESSES = 8  # of one name

Addresses = tuple[str, ...]
Ask = Callable[[str], Sequence[str]]

NOBODY_WAITS = socket.gaierror(socket.EAI_AGAIN, "nobody waits for an answer")


def ask_resolver(host: str) -> Sequence[str]:
    """Return the addresses of a name, in the resolver's order. Raises socket.gaierror; blocks."""
    try:
        # As bytes: a str would go through a codec that refuses what resolvers accept.
        found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
    return [str(entry[4][0]) for entry in found]


class Resolver:
    """Names and their addresses, as one event loop asks for them."""

    def __init__(self, ask: Ask = ask_resolver, *, at_once: int = AT_ONCE, most_threads: int = MOST_THREADS) -> None:
        self._ask = ask
        self._at_once, self._most_threads = at_once, most_threads
        self._loop = asyncio.get_running_loop()
        self._kept: OrderedDict[str, tuple[Addresses | socket.gaierror, float]] = OrderedDict()
        self._waiting: dict[str, list[asyncio.Future[Addresses]]] = {}
        self._jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._open: dict[str, float] = {}  # questions that threads have taken, and when
        self._threads = 0
        self._checking = False

    def known(self, host: str) -> Addresses | None:
        """Return what is known of a name without asking. Raises socket.gaierror if it is known to have no address."""
        entry = self._kept.get(host)
        if entry is None:
            return None
        found, until_s = entry
        if until_s < time.monotonic():
            del self._kept[host]
            return None
        if isinstance(found, socket.gaierror):
            raise socket.gaierror(*found.args)
        return found

    def is_known(self, host: str) -> bool:
        """Return whether it is known which addresses a name has, or that it has none."""
        entry = self._kept.get(host)
        return entry is not None and entry[1] >= time.monotonic()

    def look_up(self, host: str) -> "asyncio.Future[Addresses]":
        """Ask for a name: a future, the caller's own, of its addresses or of a socket.gaierror."""
        answer: asyncio.Future[Addresses] = self._loop.create_future()
        waiting = self._waiting.get(host)
        if waiting is None:
            self._waiting[host] = [answer]
            self._jobs.put(host)
            self._hire()
        else:
            waiting[:] = [each for each in waiting if not each.done()]
            waiting.append(answer)
        return answer

    def _hire(self) -> None:
        """Start threads for the questions that none that is free will take; look again while some wait."""
        waiting = self._jobs.qsize()
        if not waiting:
            return
        now = time.monotonic()
        hanging = sum(now - since > HANGS_S for since in list(self._open.values()))
        idle = self._threads - len(self._open)
        most = min(self._at_once + hanging, self._most_threads)
        for _ in range(min(waiting - idle, most - self._threads)):
            try:
                start_daemon_thread(self._work, name="names")
            except NoThread:  # those that there are have to do; without any, one is tried for again
                self._most_threads = max(self._threads, 1)
                break
            self._threads += 1
        if not self._checking:
            self._checking = True
            self._loop.call_later(HANGS_S / 4, self._check)

    def _check(self) -> None:
        self._checking = False
        self._hire()

    def _is_awaited(self, host: str) -> bool:
        """Return whether anybody still waits for a name; threads ask, too."""
        return any(not each.done() for each in list(self._waiting[host]))

    def _work(self) -> None:
        """Answer questions, in a thread, for ever."""
        while True:
            host = self._jobs.get()
            result: Addresses | OSError = NOBODY_WAITS
            if self._is_awaited(host):
                self._open[host] = time.monotonic()
                try:
                    result = tuple(dict.fromkeys(self._ask(host)))[:MOST_ADDRESSES]
                except OSError as error:
                    result = error
                self._open.pop(host, None)
            try:
                self._loop.call_soon_threadsafe(self._answer, host, result)
            except RuntimeError:
                return  # the loop has gone: nobody waits any more

    def _answer(self, host: str, result: Addresses | OSError) -> None:
        """Tell everybody who waits for a name, and remember the answer unless it was but a passing trouble."""
        if result is NOBODY_WAITS and self._is_awaited(host):
            self._jobs.put(host)  # somebody has come since
            self._hire()
            return
        if not isinstance(result, (tuple, socket.gaierror)):
            result = socket.gaierror(socket.EAI_AGAIN, result.strerror or str(result))
        elif not result:
            result = socket.gaierror(socket.EAI_NONAME, "no address")
        if isinstance(result, tuple) or result.errno != socket.EAI_AGAIN:
            self._kept[host] = (result, time.monotonic() + KEPT_S)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        for waiter in self._waiting.pop(host, ()):
            if waiter.done():
                continue
            if isinstance(result, tuple):
                waiter.set_result(result)
            else:
                waiter.set_exception(socket.gaierror(*result.args))


async def look_up(host: str, port: int) -> tuple[str, int]:
    """Return the first address of a name, for who asks but once. Raises socket.gaierror where it has none."""
    addresses = await Resolver().look_up(host)
    return addresses[0], port
