"""The environment is parsed once, at the edge; what does not fit ends the program in one line."""

import math
from collections.abc import Callable

import pytest

from services.client.settings import ClientSettings
from services.hello.settings import HelloSettings
from services.runtime.errors import BadSetting
from services.runtime.settings import Environment
from services.sites.settings import SitesSettings

Reader = Callable[[Environment], object]


@pytest.mark.parametrize("reader", [HelloSettings.from_environment, SitesSettings.from_environment])
@pytest.mark.parametrize(
    ("name", "value"),
    [("LAB_LOOP", "trio"), ("LAB_LOG", "xml")],
)
def test_what_all_services_share_is_refused_by_all(reader: Reader, name: str, value: str) -> None:
    """LAB_LOOP and LAB_LOG mean the same everywhere."""
    with pytest.raises(BadSetting, match=f"^{name}='{value}' is not one of .*: correct it or leave it out$"):
        reader(Environment({name: value}))


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "1e9", "0x10", "½", "1" * 500])
def test_a_delay_that_is_no_bounded_number_is_refused(value: str) -> None:
    """The line names the variable and the range, and is short whatever the value was."""
    with pytest.raises(BadSetting) as refused:
        HelloSettings.from_environment(Environment({"HELLO_DELAY_S": value}))
    assert "a number from 0 to 3600" in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("value", ["1.5", "0", "65", "two"])
def test_workers_are_a_small_whole_number(value: str) -> None:
    """Each worker is a process: 64 is plenty."""
    with pytest.raises(BadSetting, match="HELLO_WORKERS"):
        HelloSettings.from_environment(Environment({"HELLO_WORKERS": value}))


def test_an_empty_variable_counts_as_unset() -> None:
    """Compose passes `VAR: ${VAR:-}` as an empty string."""
    assert HelloSettings.from_environment(Environment({"HELLO_DELAY_S": ""})) == HelloSettings()


def test_values_that_fit_are_taken() -> None:
    """Numbers become numbers."""
    settings = HelloSettings.from_environment(Environment({"HELLO_DELAY_S": "0.25", "HELLO_WORKERS": "2"}))
    assert math.isclose(settings.delay_s, 0.25)
    assert settings.workers == 2


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
def test_where_hello_cannot_be_is_refused(url: str) -> None:
    """Before anything is asked, and not by a traceback of the library that would have asked."""
    with pytest.raises(BadSetting, match=r"HELLO_URL=.* is not a server's URL, as http://hello:8000"):
        ClientSettings.from_environment(Environment({"HELLO_URL": url}))
