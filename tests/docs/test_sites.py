"""docs/sites.md names what a site has: its faults with their bytes, requests of the admin API, endings, settings."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp

from lab.embedded.program import embedded_lab
from services.runtime.http import ADMIN_PORT
from services.sites.http.response import REASONS
from services.sites.journal import ENDS
from services.sites.settings import SitesSettings
from tests.docs.pages import FENCED, ROOT, names_in, rows, section, text_of

PAGE = text_of(ROOT / "docs/sites.md")
HOST = "www.163.com"
COUNTED = {"request": "requests", "connection": "connections", "TLS handshake": "TLS handshakes"}


def test_the_table_of_faults_is_what_a_site_says_of_them() -> None:
    """Every fault, its parameters with their defaults, what is counted, and the exact bytes, word for word."""
    lab = Path(sys.executable).parent / "lab"
    words = ("faults", "kinds", HOST, "--format", "json")
    done = subprocess.run([lab, "embedded", *words], cwd=ROOT, capture_output=True, timeout=50, check=True)
    expected = [
        [
            f"`{kind['fault']}`",
            ", ".join(map(shown, kind["parameters"])),
            COUNTED.get(kind["counts"], kind["counts"]),
            kind["bytes"],
        ]
        for kind in json.loads(done.stdout)["faults"]
    ]
    assert rows(section(PAGE, "Faults")) == expected


def shown(parameter: dict[str, Any]) -> str:
    """Return a parameter as the table has it."""
    if "default" in parameter:
        return f"`{parameter['name']}` ({parameter['default']})"
    return f"`{parameter['name']}`" if parameter["required"] else f"[`{parameter['name']}`]"


def test_the_requests_of_the_admin_api_are_those_of_its_document() -> None:
    """Methods and paths, all of them."""

    async def document() -> dict[str, Any]:
        async with embedded_lab() as lab, aiohttp.ClientSession() as session:
            address, port = await lab.topology.locate(HOST, ADMIN_PORT)
            async with session.get(f"http://{address}:{port}/openapi.json") as response:
                described: dict[str, Any] = await response.json()
                return described

    paths = asyncio.run(document())["paths"]
    offered = {
        f"{method.upper()} {path}" for path, methods in paths.items() for method in methods if method != "parameters"
    }
    described = {
        request.partition("?")[0]
        for cell, _ in rows(section(PAGE, "The admin API"))
        for request in re.findall(r"`([A-Z]+ /[^`]*)`", cell)
    }
    assert described == offered


def test_the_sidecars_and_the_expectations_are_ones_that_a_site_takes(tmp_path: Path) -> None:
    """The page's own text: a site starts with those sidecars, and holds its journal against those expectations."""
    host, other = (block for language, block in FENCED.findall(PAGE) if language == "toml")
    (expectations,) = (block for language, block in FENCED.findall(PAGE) if language == "json")
    (tmp_path / "own.test").mkdir()
    for name, sidecar in (("own.test", host), ("own.test/login", other)):
        (tmp_path / f"{name}.http").write_bytes(b"HTTP/1.1 200 OK\r\nServer: own\r\nContent-Length: 0\r\n\r\n")
        (tmp_path / f"{name}.toml").write_text(sidecar, "utf-8")

    async def taken() -> tuple[list[str], int]:
        async with embedded_lab(sites=SitesSettings(own=tmp_path)) as lab, aiohttp.ClientSession() as session:
            address, port = await lab.topology.locate("own.test", ADMIN_PORT)
            admin = f"http://{address}:{port}"
            async with session.get(f"{admin}/faults/own.test") as response:
                rules = [rule["fault"] for rule in (await response.json())["faults"]]
            async with session.post(f"{admin}/journal/verify", json=json.loads(expectations)) as response:
                return rules, response.status

    assert asyncio.run(taken()) == (["rst_at"], 409)


def test_the_endings_and_refusals_are_those_that_there_are() -> None:
    """Words of the journal, and statuses that a site answers by itself."""
    assert {name for cell, _ in rows(section(PAGE, "The journal")) for name in names_in(cell)} == set(ENDS)
    assert {int(cell) for cell, _ in rows(section(PAGE, "What a site answers itself"))} == set(REASONS)


def test_every_setting_of_a_site_is_there() -> None:
    """Those that its settings read, and no other."""
    read = set(re.findall(r"SITES_[A-Z_]+", (ROOT / "services/sites/settings.py").read_text("utf-8")))
    assert set(re.findall(r"SITES_[A-Z_]+", section(PAGE, "A site by itself"))) == read
