"""Looking up host names: in threads, with a cache, and so that names whose look-up hangs do not delay the others.

`getaddrinfo` blocks until the system's resolver answers, and cannot be stopped. asyncio runs it in a pool of threads
that a few hanging look-ups can fill, and the interpreter waits for these threads when it ends. Here the threads are
daemons: the program ends without them. A thread whose look-up has run for HANGS_S does not count any more, so another
one is started in its place, up to a number. A name that no caller waits for any more is not looked up.

c-ares (aiodns) needs no threads, but does not answer as `getaddrinfo` does: docs/architecture.md lists the differences.
"""

import asyncio
import queue
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from services.runtime.errors import NoThread
from services.runtime.tasks import start_daemon_thread

AT_ONCE = 64  # look-ups that do not hang: a resolver refuses to answer a client that asks too much at once
MAX_THREADS = 1_024  # with those whose look-up hangs; `pids` in compose.yaml allows a few more
HANGS_S = 0.1
CACHED_S = 60.0
MAX_CACHED = 4_096
MAX_ADDRESSES = 8  # of one name

Addresses = tuple[str, ...]
LookUp = Callable[[str], Sequence[str]]

NOT_LOOKED_UP = socket.gaierror(socket.EAI_AGAIN, "no caller waits for the answer")


def addresses_of(host: str) -> Sequence[str]:
    """Return the addresses of a name, in the system's order; blocks. Raises socket.gaierror."""
    try:
        # As bytes: a str would go through a codec that refuses names that resolvers accept.
        found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
    return [str(entry[4][0]) for entry in found]


class Resolver:
    """Looks up names for the tasks of one event loop.

    Arguments:
        look_up: returns the addresses of a name, or raises OSError; called in threads, and may block.
        at_once: how many look-ups that do not hang may run at the same time.
        most_threads: how many threads there may be, with those whose look-up hangs.
    """

    def __init__(
        self, look_up: LookUp = addresses_of, *, at_once: int = AT_ONCE, most_threads: int = MAX_THREADS
    ) -> None:
        self._look_up = look_up
        self._at_once, self._most_threads = at_once, most_threads
        self._loop = asyncio.get_running_loop()
        self._cache: OrderedDict[str, tuple[Addresses | socket.gaierror, float]] = OrderedDict()  # until when
        self._callers: dict[str, list[asyncio.Future[Addresses]]] = {}
        self._queue: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._running: dict[str, float] = {}  # the names that threads look up, and since when
        self._threads = 0
        self._check_is_due = False

    def known(self, host: str) -> Addresses | None:
        """Return the addresses of a name from the cache, or None where it is not there.

        Raises socket.gaierror where the cache says that there are none.
        """
        entry = self._cache.get(host)
        if entry is None:
            return None
        result, until_s = entry
        if until_s < time.monotonic():
            del self._cache[host]
            return None
        if isinstance(result, socket.gaierror):
            raise socket.gaierror(*result.args)
        return result

    def is_known(self, host: str) -> bool:
        """Return whether the cache has an answer for a name: its addresses, or that there are none."""
        entry = self._cache.get(host)
        return entry is not None and entry[1] >= time.monotonic()

    def look_up(self, host: str) -> "asyncio.Future[Addresses]":
        """Look up a name. The future is the caller's own to cancel; its exception is a socket.gaierror."""
        answer: asyncio.Future[Addresses] = self._loop.create_future()
        callers = self._callers.get(host)
        if callers is None:
            self._callers[host] = [answer]
            self._queue.put(host)
            self._start_threads()
        else:
            callers[:] = [each for each in callers if not each.done()]
            callers.append(answer)
        return answer

    def _start_threads(self) -> None:
        """Start threads for names that no idle thread will take; check again soon while names are in the queue."""
        waiting = self._queue.qsize()
        if not waiting:
            return
        now = time.monotonic()
        hanging = sum(now - since > HANGS_S for since in list(self._running.values()))
        idle = self._threads - len(self._running)
        most = min(self._at_once + hanging, self._most_threads)
        for _ in range(min(waiting - idle, most - self._threads)):
            try:
                start_daemon_thread(self._run_thread, name="names")
            except NoThread:  # go on with those that run; if there are none, try to start one again later
                self._most_threads = max(self._threads, 1)
                break
            self._threads += 1
        if not self._check_is_due:
            self._check_is_due = True
            self._loop.call_later(HANGS_S / 4, self._check)

    def _check(self) -> None:
        self._check_is_due = False
        self._start_threads()

    def _has_callers(self, host: str) -> bool:
        """Return whether a caller still waits for a name; threads call this, too."""
        return any(not each.done() for each in list(self._callers[host]))

    def _run_thread(self) -> None:
        """Look up names from the queue, in a thread, until the loop is closed."""
        while True:
            host = self._queue.get()
            result: Addresses | OSError = NOT_LOOKED_UP
            if self._has_callers(host):
                self._running[host] = time.monotonic()
                try:
                    result = tuple(dict.fromkeys(self._look_up(host)))[:MAX_ADDRESSES]
                except OSError as error:
                    result = error
                self._running.pop(host, None)
            try:
                self._loop.call_soon_threadsafe(self._take_result, host, result)
            except RuntimeError:
                return  # the loop is closed

    def _take_result(self, host: str, result: Addresses | OSError) -> None:
        """Answer the callers of a name, and cache the answer unless the failure may pass (EAI_AGAIN)."""
        if result is NOT_LOOKED_UP and self._has_callers(host):
            self._queue.put(host)  # a caller came after the thread had looked for one
            self._start_threads()
            return
        if not isinstance(result, (tuple, socket.gaierror)):
            result = socket.gaierror(socket.EAI_AGAIN, result.strerror or str(result))
        elif not result:
            result = socket.gaierror(socket.EAI_NONAME, "no address")
        if isinstance(result, tuple) or result.errno != socket.EAI_AGAIN:
            self._cache[host] = (result, time.monotonic() + CACHED_S)
            if len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)
        for caller in self._callers.pop(host, ()):
            if caller.done():
                continue
            if isinstance(result, tuple):
                caller.set_result(result)
            else:
                caller.set_exception(socket.gaierror(*result.args))


async def look_up(host: str, port: int) -> tuple[str, int]:
    """Return the first address of a name, with the port, for a caller that needs no cache. Raises socket.gaierror."""
    addresses = await Resolver().look_up(host)
    return addresses[0], port
