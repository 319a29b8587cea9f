"""Which code is whose, and what its awaits wait for: by file and function, for every Python and both loops.

A task waits in a chain of coroutines: the person's own code, below it that of packages and of Python's own library, and
at the end a future. What is shown of the chain is the innermost line of the person's own code (`place`), the innermost
function (`awaits`), and the kind of the wait. The kind follows from the outermost function below the person's code that
TABLES knows: `MemoryObjectReceiveStream.receive` waits for a queue, though it waits by an event.

`services.client.trace.recorded` walks the chain.
"""

import asyncio
import os
import sys
from functools import lru_cache
from types import CodeType

KINDS = ("", "sleep", "socket", "lock", "queue", "task", "thread", "turn", "other")
SLEEP, SOCKET, LOCK, QUEUE, TASK, THREAD, TURN, OTHER = range(1, len(KINDS))

# The role of code is one small number, since it is asked for at every wait: 0 is a person's own code; of all other
# code, the kind that it waits for (0: not known), and the flag of its origin.
OWN = 0
KIND_BITS = 15
PACKAGE = 16  # installed
LIBRARY = 32  # Python's own, or code that only passes waits on

LIBRARY_PATH = os.path.dirname(os.path.dirname(asyncio.__file__)) + os.sep  # noqa: PTH120 - cheaper, and for texts
PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

# By the last two parts of a file's path: of a function (its qualified name), or of every other in the file ("").
TABLES: dict[str, dict[str, int]] = {
    "asyncio/tasks.py": {"sleep": SLEEP, "_wait": TASK, "_cancel_and_wait": TASK},
    "asyncio/taskgroups.py": {"": TASK},
    "asyncio/runners.py": {"": TASK},
    "asyncio/streams.py": {"": SOCKET},
    "asyncio/selector_events.py": {"": SOCKET},
    "asyncio/sslproto.py": {"": SOCKET},
    "asyncio/base_events.py": {
        "BaseEventLoop.getaddrinfo": THREAD,
        "BaseEventLoop.getnameinfo": THREAD,
        "BaseEventLoop.shutdown_default_executor": THREAD,
        "BaseEventLoop._create_connection_transport": SOCKET,
        "Server.wait_closed": SOCKET,
        "Server.serve_forever": SOCKET,
    },
    "asyncio/locks.py": {"": LOCK},
    "asyncio/queues.py": {"": QUEUE},
    "asyncio/threads.py": {"": THREAD},
    "aiohttp/streams.py": {"": SOCKET},
    "aiohttp/client_proto.py": {"": SOCKET},
    "aiohttp/web_protocol.py": {"": SOCKET},
    "aiohttp/base_protocol.py": {"": SOCKET},
    "asyncio/messages.py": {"": SOCKET},  # of websockets
    "asyncio/connection.py": {"": SOCKET},
    "asyncio/server.py": {"": SOCKET},
    "streams/memory.py": {"": QUEUE},  # of anyio
    "_backends/_asyncio.py": {
        "TaskGroup.__aexit__": TASK,
        "AsyncIOBackend.run_sync_in_worker_thread": THREAD,
        "AsyncIOBackend.checkpoint": TURN,
        "AsyncIOBackend.cancel_shielded_checkpoint": TURN,
        "SocketStream.receive": SOCKET,
        "SocketStream.send": SOCKET,
        "TCPSocketListener.accept": SOCKET,
    },
    "anyio/to_thread.py": {"": THREAD},
    "survey/deadlines.py": {"Deadline.sleep": SLEEP},  # our own, which pass on what waits
    "transport/epoll.py": {"": SOCKET},
    "transport/connect.py": {"": SOCKET},
    "transport/stream.py": {},
    "transport/tunnel.py": {},
    "fetch/lookup.py": {"": THREAD},
    "fetch/limits.py": {"": LOCK},
}
roots: list[str] = []
MAX_PARTS = 3  # of a path that is shown whole
OURS = f"{os.sep}services{os.sep}client{os.sep}survey{os.sep}"

# By the function at the end of the way down, whatever was on it; where nothing was on it; by what is waited for.
ALWAYS = {"sleep": SLEEP, "__sleep0": TURN}  # of asyncio; the second lets others run, below the first
AT_THE_END = {"wait_for": TASK, "gather": TASK, "shield": TASK}
NAMES = {"Task": TASK, "_GatheringFuture": TASK, "NoneType": TURN}
# Coroutines of Cython, as uvloop's; the others of a loop wait for sockets.
COMPILED = {"getaddrinfo": THREAD, "getnameinfo": THREAD, "run_in_executor": THREAD, "subprocess_exec": OTHER}
# A future's callback says what will set it.
CALLBACKS = (("_chain_future.", THREAD), ("shield.", TASK))


def role_of(code: CodeType) -> int:
    """Return whose code this is, and which kind of wait it stands for."""
    file = code.co_filename
    known = TABLES.get(last_parts(file))
    kind = known.get(code.co_qualname, known.get("", 0)) if known else 0
    if any(each in file for each in PACKAGES):
        return PACKAGE | kind
    if file.startswith((LIBRARY_PATH, "<frozen ")) or (known is not None and OURS in file):
        return LIBRARY | kind
    return OWN


def last_parts(file: str) -> str:
    """Return the last two parts of a path."""
    return "/".join(file.rsplit(os.sep, 2)[-2:])


def kind_of(kind: int, name: str, waited_for: type) -> str:
    """Return the kind of a wait.

    Arguments:
        kind: what the way down said, 0 where it said nothing.
        name: of the innermost function.
        waited_for: the type of what it waits for.
    """
    kind = ALWAYS.get(name, kind)
    if kind in (0, SOCKET) and waited_for.__name__ in NAMES:  # code that waits for sockets may wait for a task, too
        kind = NAMES[waited_for.__name__]
    return KINDS[kind or AT_THE_END.get(name) or compiled_kind(name) or OTHER]


def compiled_kind(name: str) -> int:
    """Return what a method of uvloop's loop waits for; 0 for any other function."""
    of, _, method = name.partition(".")
    return COMPILED.get(method, SOCKET) if of == "Loop" and method else 0


@lru_cache(maxsize=4_096)
def place_of(code: CodeType, instruction: int) -> str:
    """Return the file and line of an instruction, as `fetch/request.py:120`. `instruction`: its offset in bytes."""
    positions = list(code.co_positions())
    index = instruction // 2
    line = positions[index][0] if 0 <= index < len(positions) else code.co_firstlineno
    return place(code.co_filename, line or code.co_firstlineno)


def place(file: str, line: int) -> str:
    """Return a file and a line as they are shown."""
    return f"{shown(file)}:{line}"


def show_from(root: str) -> None:
    """Show the paths of files below a folder from there on: a recorded program's, which is on its path alone."""
    roots.append(root)


@lru_cache(maxsize=1_024)
def shown(file: str) -> str:
    """Return a file's path from where it was imported; of a long one, the last two parts."""
    parents = (each for each in (*roots, *sys.path) if each and file.startswith(each.rstrip(os.sep) + os.sep))
    above = max(parents, key=len, default="")
    path = file[len(above) :].lstrip(os.sep) if above else file
    return last_parts(path) if path.count(os.sep) >= MAX_PARTS else path.replace(os.sep, "/")
