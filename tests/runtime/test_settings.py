"""The environment is parsed once; a wrong value ends the program with one line."""

import math
from collections.abc import Callable

import pytest

from services.client.settings import ClientSettings
from services.hello.settings import HelloSettings
from services.runtime.errors import BadSetting, TooLittleMemory
from services.runtime.process import MEMORY_BYTES, MIB
from services.runtime.settings import Environment
from services.sites.settings import SitesSettings

Reader = Callable[[Environment], object]


@pytest.mark.parametrize("reader", [HelloSettings.from_environment, SitesSettings.from_environment])
@pytest.mark.parametrize(
    ("name", "value"),
    [("LAB_LOOP", "trio"), ("LAB_LOG", "xml")],
)
def test_a_wrong_value_of_a_shared_variable_is_refused_by_all_services(reader: Reader, name: str, value: str) -> None:
    """LAB_LOOP and LAB_LOG mean the same in each of them."""
    with pytest.raises(BadSetting, match=f"^{name}='{value}' is not one of .*: correct it or leave it out$"):
        reader(Environment({name: value}))


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "1e9", "0x10", "½", "1" * 500])
def test_a_delay_that_is_no_bounded_number_is_refused(value: str) -> None:
    """The line names the variable and the range; it is short although the value may be long."""
    with pytest.raises(BadSetting) as refused:
        HelloSettings.from_environment(Environment({"HELLO_DELAY_S": value}))
    assert "a number from 0 to 3600" in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("value", ["1.5", "0", "65", "two"])
def test_workers_are_a_small_whole_number(value: str) -> None:
    """Each worker is a process: 64 are enough."""
    with pytest.raises(BadSetting, match="HELLO_WORKERS"):
        HelloSettings.from_environment(Environment({"HELLO_WORKERS": value}))


def test_an_empty_variable_counts_as_unset() -> None:
    """Compose passes `VAR: ${VAR:-}` as an empty string."""
    assert HelloSettings.from_environment(Environment({"HELLO_DELAY_S": ""})) == HelloSettings()


def test_valid_values_are_read() -> None:
    """Numbers become numbers."""
    settings = HelloSettings.from_environment(Environment({"HELLO_DELAY_S": "0.25", "HELLO_WORKERS": "2"}))
    assert math.isclose(settings.delay_s, 0.25)
    assert settings.workers == 2


MEMORY = [
    (SitesSettings.from_environment, "SITES_MEMORY_MIB", ["95", "1e9", "half", "128.5"]),
    (HelloSettings.from_environment, "HELLO_MEMORY_MIB", ["29", "1e9", "half", "128.5"]),
]


@pytest.mark.parametrize(("reader", "name", "wrong"), MEMORY)
def test_memory_is_the_systems_limit_or_a_number_of_mib(
    reader: Callable[[Environment], HelloSettings | SitesSettings], name: str, wrong: list[str]
) -> None:
    """A number below the program's own need is refused."""
    assert reader(Environment({})).memory_bytes == MEMORY_BYTES
    assert reader(Environment({name: "200"})).memory_bytes == 200 * MIB
    for value in wrong:
        with pytest.raises(BadSetting, match=f"^{name}='{value}' is not a (whole )?number from"):
            reader(Environment({name: value}))


@pytest.mark.parametrize(("workers", "memory_mib", "most"), [(32, 512, 16), (17, 512, 16), (2, 60, 1), (64, 1_900, 62)])
def test_too_many_workers_for_the_memory_are_one_line(workers: int, memory_mib: int, most: int) -> None:
    """It says how many there is memory for, and that many are accepted."""
    said = {"HELLO_MEMORY_MIB": str(memory_mib)}
    need_mib = workers * 30 + 28
    with pytest.raises(TooLittleMemory) as refused:
        HelloSettings.from_environment(Environment(said | {"HELLO_WORKERS": str(workers)}))
    expected = f"HELLO_WORKERS={workers} needs about {need_mib:,} MiB, and there are {memory_mib:,} MiB: at most {most}"
    assert (str(refused.value), refused.value.exit_code) == (expected, 2)
    settings = HelloSettings.from_environment(Environment(said | {"HELLO_WORKERS": str(most)}))
    assert settings.workers == most


@pytest.mark.parametrize("workers", [2, 16])
def test_workers_share_what_the_supervisor_leaves(workers: int) -> None:
    """Each worker reads its share as its memory, and has room for connections."""
    settings = HelloSettings(workers=workers, memory_bytes=512 * MIB)
    share = Environment({"HELLO_MEMORY_MIB": str(settings.worker_memory_bytes // MIB)})
    worker = HelloSettings.from_environment(share)
    assert 28 * MIB + workers * worker.memory_bytes <= 512 * MIB
    assert worker.pool_bytes > MIB


@pytest.mark.parametrize("url", ["http://x:1", "https://x", "http://[::1]:8000/", "http://127.0.0.1:65535"])
def test_the_client_reads_where_hello_is(url: str) -> None:
    """HELLO_URL points the client at another server."""
    assert ClientSettings.from_environment(Environment({"HELLO_URL": url})).hello_url == url


@pytest.mark.parametrize(
    "url",
    [
        "x:1",
        "//x",
        "http://",
        "http://x:65536",
        "http://x/path",
        "ftp://x",
        "http://[::1",
        "http://[1.2]",
        "http://x\n",
        "http://a..b",
        f"http://{'a' * 64}",
        "a b",
    ],
)
def test_a_wrong_hello_url_is_refused(url: str) -> None:
    """Before any request, and without a traceback of the HTTP library."""
    with pytest.raises(BadSetting, match=r"HELLO_URL=.* is not a server's URL, as http://hello:8000"):
        ClientSettings.from_environment(Environment({"HELLO_URL": url}))
