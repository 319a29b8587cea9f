"""The settings: each variable sets its field and no other."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from services.runtime.http import Address
from services.runtime.process import MIB
from services.runtime.settings import Environment
from services.sites import settings
from services.sites.settings import SitesSettings

UNSET = SitesSettings.from_environment(Environment({}))
CASES: dict[str, tuple[str, dict[str, object]]] = {
    "SITES_RECORDINGS": ("/recordings", {"directory": Path("/recordings")}),
    "SITES_HOSTS": ("A.test, b.test", {"hosts": ("a.test", "b.test")}),
    "SITES_WITHOUT": ("a.test", {"without": ("a.test",)}),
    "SITES_HOST": ("127.0.0.2", {"where": Address("127.0.0.2", 80), "tls": Address("127.0.0.2", 443)}),
    "SITES_PORT": ("1", {"where": Address("0.0.0.0", 1)}),  # noqa: S104
    "SITES_TLS_PORT": ("2", {"tls": Address("0.0.0.0", 2)}),  # noqa: S104
    "SITES_ADMIN_HOST": ("127.0.0.2", {"admin": Address("127.0.0.2", 8081)}),
    "SITES_ADMIN_PORT": ("3", {"admin": Address("0.0.0.0", 3)}),  # noqa: S104
    "SITES_ADMIN_NAMES": ("scraper", {"admin_names": ("scraper",)}),
    "SITES_GATEWAY": ("gateway", {"gateway": "gateway"}),
    "SITES_HANDOVER": ("/handover/netease.sock", {"handover": Path("/handover/netease.sock")}),
    "SITES_CA_KEY": ("/key", {"ca_key": Path("/key")}),
    "SITES_CA": ("/ca", {"ca": Path("/ca")}),
    "SITES_STATE": ("/state", {"state": Path("/state")}),
    "SITES_HEAD_TIMEOUT_S": ("1.5", {"head_timeout_s": 1.5}),
    "SITES_IDLE_TIMEOUT_S": ("1.5", {"idle_timeout_s": 1.5}),
    "SITES_WRITE_TIMEOUT_S": ("1.5", {"write_timeout_s": 1.5}),
    "SITES_STALL_TIMEOUT_S": ("1.5", {"stall_timeout_s": 1.5}),
    "SITES_ANSWER_TIMEOUT_S": ("1.5", {"answer_timeout_s": 1.5}),
    "SITES_VERIFY_TIMEOUT_S": ("1.5", {"verify_timeout_s": 1.5}),
    "SITES_DRAIN_S": ("0", {"drain_s": 0.0}),
    "SITES_RELOAD_S": ("1.5", {"reload_s": 1.5}),
    "SITES_MEMORY_MIB": ("200", {"memory_bytes": 200 * MIB}),
    "SITES_MAX_CONNECTIONS": ("7", {"max_connections": 7}),
    "SITES_JOURNAL_ENTRIES": ("7", {"journal_entries": 7}),
    "SITES_JOURNAL_BYTES": ("7", {"journal_bytes": 7}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_variable_sets_its_field(name: str) -> None:
    """The others stay as they are unset."""
    value, changes = CASES[name]
    assert SitesSettings.from_environment(Environment({name: value})) == dataclasses.replace(UNSET, **changes)  # type: ignore[arg-type]


def test_every_variable_is_tested() -> None:
    """A new one has its case."""
    assert set(re.findall(r'"(SITES_[A-Z_]+)"', inspect.getsource(settings))) == set(CASES)
