"""What answers on the admin port and is no site: an error with a name, never a traceback."""

from pathlib import Path

import pytest

from services.client.admin import WrongUsage, ask, read_json
from services.client.errors import FetchError
from services.client.settings import ADMIN_PORT, ClientSettings
from services.client.topology import Topology
from tests.client.peers import sends, serving

STRANGERS = {
    "a page in Latin-1": b"caf\xe9",
    "a page that claims to be UTF-16": b"\xff\xfe\0",
    "no object": b"[]",
    "endless brackets": b"[" * 100_000,
}


@pytest.mark.anyio
@pytest.mark.parametrize("page", STRANGERS.values(), ids=STRANGERS)
async def test_a_stranger_on_the_admin_port_is_told_from_a_site(page: bytes) -> None:
    """Many programs listen on port 8081."""
    async with serving(site=sends(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)) as topology:
        routes = {("site", ADMIN_PORT): next(iter(topology.routes.values()))}
        with pytest.raises(FetchError, match="not the admin side of a site"):
            await ask(ClientSettings(topology=Topology(routes)), "site", "GET", "/faults")


def test_a_plan_in_which_a_name_is_there_twice_is_wrong_usage(tmp_path: Path) -> None:
    """Python would send the second value, and never say that there was a first."""
    plan = '[{"fault": "delay", "seconds": 1, "seconds": 2}]'
    (tmp_path / "plan.json").write_text(plan)
    for source in (plan, str(tmp_path / "plan.json")):
        with pytest.raises(WrongUsage, match="'seconds' is there twice"):
            read_json(source)
