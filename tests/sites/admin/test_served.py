"""The admin side of a lab that lasts for one command: its port is open at once, and it is made when it is asked."""

import asyncio
import os
import subprocess
import sys

import aiohttp
import pytest

from lab import ROOT
from lab.embedded.sites import embedded_sites

LATE = ("aiohttp", "trustme", "prometheus_client")
ADMIN = "http://www.sohu.com:8081/readyz"
SCRIPT = """
import sys
from lab.cli import main
code = main(["embedded", "wget", *sys.argv[1:]])
print(code, *(name for name in {names!r} if name in sys.modules), file=sys.stderr)
"""


def imported(*words: str) -> list[str]:
    """Fetch from the embedded lab; return its exit code, and which of the late packages it has imported."""
    command = [sys.executable, "-c", SCRIPT.format(names=LATE), *words]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60, check=True, stdin=None
    )
    return done.stderr.splitlines()[-1].split()


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("words", "packages"),
    [
        ((), []),
        ((ADMIN,), ["aiohttp", "prometheus_client"]),
        (("https://www.sohu.com", "-k"), ["trustme"]),
        (("https://www.sohu.com", "--ca", "lab"), list(LATE)),
    ],
    ids=["heads alone", "the admin side", "TLS", "the lab's CA"],
)
def test_a_command_waits_only_for_the_packages_that_it_needs(words: tuple[str, ...], packages: list[str]) -> None:
    """They take more than half of the time to the first line; every request is answered all the same."""
    assert imported(*words) == ["0", *packages]


@pytest.mark.anyio
async def test_the_first_requests_are_answered_and_so_are_later_ones() -> None:
    """Those that come together before it is made wait for it."""
    async with embedded_sites(waits=True) as running, aiohttp.ClientSession() as session:

        async def ready() -> int:
            async with session.get(f"{running.admin.url}/readyz", headers={"Host": "www.sohu.com"}) as answer:
                return answer.status

        assert await asyncio.gather(*(ready() for _ in range(3))) == [200] * 3
        assert await ready() == 200


@pytest.mark.anyio
async def test_a_lab_whose_admin_side_is_never_asked_ends() -> None:
    """With nothing left open, which a warning would tell."""
    async with embedded_sites(waits=True) as running:
        assert running.admin.port
