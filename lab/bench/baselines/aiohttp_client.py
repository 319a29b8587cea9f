"""A contestant: a small survey with aiohttp's client. It reads targets from stdin, and writes records to stdout.

`python -m lab.bench.baselines.aiohttp_client --loop LOOP -c 64 --timeout 10 [--ca FILE]`. As many workers as there are
connections take targets from one queue. A connection is used once. A record has those keys of the client's records that
aiohttp has values for.
"""

import argparse
import asyncio
import json
import ssl
import sys
from collections.abc import Iterator

import aiohttp

from services.runtime.run import loop_factory


async def survey(targets: Iterator[str], concurrency: int, *, timeout_s: float, ca: str | None) -> None:
    """Fetch all targets."""
    trusted = ssl.create_default_context(cafile=ca) if ca else True
    connector = aiohttp.TCPConnector(limit=0, force_close=True, ssl=trusted)
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work(targets, session))


async def work(targets: Iterator[str], session: aiohttp.ClientSession) -> None:
    """Fetch one target after the other."""
    for target in targets:
        record: dict[str, object] = {"target": target, "error": None}
        try:
            async with session.get(target, allow_redirects=False) as response:
                fields = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.raw_headers]
                record |= {"status": response.status, "reason": response.reason, "headers": fields}
        except (aiohttp.ClientError, TimeoutError) as error:
            record["error"] = str(error) or type(error).__name__
        print(json.dumps(record))


def main() -> None:
    """Read the options, and fetch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("-c", "--concurrency", type=int, default=64)
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--ca")
    options = parser.parse_args()
    targets = (line.rstrip("\n") for line in sys.stdin)
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(survey(targets, options.concurrency, timeout_s=options.timeout, ca=options.ca))


if __name__ == "__main__":
    main()
