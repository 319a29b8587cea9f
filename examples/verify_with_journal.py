"""Prove what a client really sent: hold the site's journal against what the test expects.

A client fetches six pages of one host, two at a time; a semaphore sees to that. The site saw every request, so it can
say whether there were six, and never more than two at once. The second list of expectations is wrong on purpose: the
answer is then 409, with the entries that come nearest.

    .venv/bin/python examples/verify_with_journal.py
"""

import asyncio

import aiohttp

from lab.embedded.program import embedded_lab

HOST = "www.163.com"
PATHS = [f"/{number}" for number in range(1, 7)]
AT_ONCE = 2
SLOW = {"faults": [{"fault": "delay", "seconds": 0.05}]}
TRUE = {
    "expect": [{"match": {"host": HOST, "method": "GET"}, "count": len(PATHS)}],
    "at_once": [{"match": {"host": HOST}, "at_most": AT_ONCE}],
    "absent": [{"host": HOST, "fields": {"cookie": "secret"}}],
}
FALSE = {"expect": [{"match": {"host": HOST, "target": "/7"}, "count": 1}]}


async def fetch_all(session: aiohttp.ClientSession, url: str) -> None:
    """Fetch every path, AT_ONCE at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def fetch(path: str) -> None:
        async with room, session.get(url + path, headers={"Host": HOST}, allow_redirects=False) as response:
            await response.read()

    async with asyncio.TaskGroup() as group:
        for path in PATHS:
            group.create_task(fetch(path))


async def main() -> None:
    """Fetch, then hold the journal against both lists."""
    async with embedded_lab() as lab, aiohttp.ClientSession() as session:
        site = "http://{}:{}".format(*await lab.topology.locate(HOST, 80))
        admin = "http://{}:{}".format(*await lab.topology.locate(HOST, 8081))
        await session.put(f"{admin}/faults/{HOST}", json=SLOW)
        await fetch_all(session, site)
        for expectations in (TRUE, FALSE):
            async with session.post(f"{admin}/journal/verify", json=expectations) as response:
                verdict = await response.json()
            print(f"{response.status}, verified: {verdict['verified']}")
            for failure in verdict["failures"]:
                print(f"  {failure['check']}: expected {failure['expected']}, found {failure['found']}")
                print(f"  nearest: {failure['nearest'][0]['misses'][0]}")


if __name__ == "__main__":
    asyncio.run(main())
