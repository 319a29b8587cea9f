"""`client hello --users N`: N users send a request to the hello server at the same time.

Each waits half a second for the answer, and all of them together hardly longer: while one request sleeps, the server's
single thread serves the others. One user alone is timed first. The figure "one after another" is N times that time: it
is reckoned, and the output says so. `client compare hello` measures it.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING

from services.client.errors import NOTHING_ANSWERED, fetch_error
from services.client.head import HeadError
from services.client.settings import ClientSettings
from services.client.users.page import CutShort
from services.client.users.session import ConnectFailed, Session
from services.runtime.errors import ProgramError
from services.runtime.process import raise_open_files
from services.runtime.run import Stop, until_stopped
from services.runtime.terminal import printable, say, show

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder

GREETED = "200 OK"  # how a user's request ended, in a trace: with another status there is no greeting
SPARE_FILES = 64  # the loop's own, standard streams, look-ups


@dataclass(frozen=True, slots=True)
class Options:
    """`users`: how many at once; `timeout_s`: for each; `trace`, `report`: the files that they are recorded into."""

    users: int
    timeout_s: float
    trace: str | None = None
    report: str | None = None


class TooManyUsers(ProgramError):
    """There are more users than this process may have connections."""

    def __init__(self, users: int, *, limit: int, most: int) -> None:
        remedy = f"ask for {most:,} users at most" if most > 0 else "raise it"
        super().__init__(
            f"{users:,} users at once need more open files than this machine's limit of {limit:,} (ulimit -Hn): "
            f"{remedy}"
        )
        self.users, self.limit, self.most = users, limit, most


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Send the requests and print the figures; 0 if all are answered, 1 if some are, 4 if none is, 130 if stopped."""
    limit = raise_open_files()
    most = (limit - SPARE_FILES) // settings.files_per_connection
    if options.users > most:
        raise TooManyUsers(options.users, limit=limit, most=most)
    if options.trace is None and options.report is None:
        return await until_stopped(ask_all(options, settings), stop)

    from services.client.trace.kept import Kept
    from services.client.trace.recording import recording

    async with recording(Kept(options.trace, options.report, settings.command), "hello") as run:
        recorder = run.new(mode="at once")
        asking = ask_all(options, settings, recorder)
        run.exit_code = await until_stopped(recorder.record(asking, name="hello"), stop)
    return run.exit_code


async def ask_all(options: Options, settings: ClientSettings, recorder: "Recorder | None" = None) -> int:
    """Send one request alone, then one for each user, all at once. Returns the exit code."""

    async def user(name: str) -> float | str:
        answer = await ask(session, name)
        if recorder:
            recorder.finish(answer if isinstance(answer, str) else GREETED, ok=isinstance(answer, float))
        return answer

    with open_session(settings, timeout_s=options.timeout_s) as session:
        alone = await ask(session, "alone")
        if isinstance(alone, str):
            say(f"hello {settings.hello_url}: {alone}")
            return NOTHING_ANSWERED
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            names = [f"user-{n}" for n in range(1, options.users + 1)]
            tasks = [group.create_task(user(name), name=name) for name in names]
        answers = [task.result() for task in tasks]
        wall_s = time.perf_counter() - began
    latencies = [answer for answer in answers if isinstance(answer, float)]
    report(latencies, options=options, alone_s=alone, wall_s=wall_s)
    for reason, count in Counter(answer for answer in answers if isinstance(answer, str)).items():
        say(f"hello: {count:,} users got no answer: {reason}")
    if len(latencies) == options.users:
        return 0
    return 1 if latencies else 4


@contextmanager
def open_session(settings: ClientSettings, *, timeout_s: float) -> Iterator[Session]:
    """Yield a session for any number of users; each waits `timeout_s` at most."""
    session = Session(settings.hello_url, timeout_s=timeout_s, proxy=settings.proxy)
    try:
        yield session
    finally:
        session.close()


async def ask(session: Session, name: str) -> float | str:
    """Send the request of one user. Returns the seconds until the answer, or why there was none."""
    began = time.perf_counter()
    try:
        page = await session.get(f"/hello/{name}")
    except TimeoutError:
        return "no answer in time"
    except ConnectFailed as error:
        return str(fetch_error(error.reason))
    except (HeadError, CutShort, OSError) as error:
        text = " ".join(str(error).split())  # in it may be bytes that the server sent
        return f"closed: {printable(text)}"
    if page.body != f"<h1>hello, {name}!</h1>".encode():
        return f"an answer with status {page.status} that is not a greeting"
    return time.perf_counter() - began


def report(latencies: list[float], *, options: Options, alone_s: float, wall_s: float) -> None:
    """Print the figures, in seconds."""
    rows = [
        ("users", f"{options.users:,}"),
        ("answered", f"{len(latencies):,}"),
        ("wall time", f"{wall_s:.3f} s"),
    ]
    if latencies:
        percentiles = quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else latencies * 99
        rows += [("median", f"{percentiles[49]:.3f} s"), ("99th percentile", f"{percentiles[98]:.3f} s")]
    rows += [
        ("one user alone", f"{alone_s:.3f} s"),
        ("one after another (reckoned)", f"{alone_s * options.users:,.1f} s"),
    ]
    for name, figure in rows:
        show(f"{name:<30}{figure:>12}")
