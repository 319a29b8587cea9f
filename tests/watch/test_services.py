"""The services on the page: what each says of itself, in figures that a page can show."""

import asyncio

import pytest

from services.watch.lab.measures import Figures, Rates, figures_in
from services.watch.lab.services import name_of
from tests.watch.serving import lab_and_page, watched

pytestmark = pytest.mark.anyio
METRICS = """\
# HELP site_requests_total Exchanges
# TYPE site_requests_total counter
site_requests_total{host="a",fault="",outcome="fin"} 3.0
site_requests_total{host="} 9\\n",fault="",outcome="reset"} 4.0
site_requests_created{host="a"} 1.7e9
# TYPE process_loop_lag_seconds gauge
process_loop_lag_seconds 0.25
# TYPE process_memory_bytes gauge
process_memory_bytes 1048576
"""


@pytest.mark.parametrize(
    ("text", "own", "figures"),
    [
        (METRICS, 0, Figures(0.25, 7, 1_048_576)),
        (METRICS, 2, Figures(0.25, 5, 1_048_576)),
        (METRICS, 9, Figures(0.25, 0, 1_048_576)),
        ("# TYPE hello_requests_total counter\n", 0, Figures(None, 0, None)),
        ("", 0, Figures()),
        ("<html>", 0, Figures()),
        ("process_memory_bytes much\n", 0, Figures()),
    ],
    ids=["all", "without its own", "more of its own", "no request yet", "nothing", "a page", "no number"],
)
async def test_figures_are_read_from_metrics(text: str, own: int, figures: Figures) -> None:
    """Requests are counted over all labels; text that is none has no figures."""
    assert figures_in(text, own=own) == figures


async def test_a_rate_needs_two_looks() -> None:
    """A service that has begun anew has none, until the next look."""
    rates = Rates()
    assert rates.rate("a", 10) is None
    await asyncio.sleep(0.01)
    assert (rates.rate("a", 20) or 0) > 0
    assert rates.rate("a", 5) is None
    assert rates.rate("b", None) is None
    rates.keep(["b"])
    assert rates.rate("a", 5) is None


@pytest.mark.parametrize(("hosts", "name"), [(["a"], "a"), (["a", "b", "c"], "a + 2")])
async def test_a_server_of_sites_is_called_by_its_hosts(hosts: list[str], name: str) -> None:
    assert name_of(hosts) == name


async def test_every_service_of_the_lab_says_how_it_is() -> None:
    """Health, how late its loop is, requests and memory; the server itself is one of them."""
    async with lab_and_page() as (lab, page):
        async with page.session.get(lab.hello.url):
            pass
        _, said = await page.ask("GET", "/api/services")
        services = {each["name"]: each for each in said["services"]}
        assert list(services) == ["gateway", "hello", "www.163.com + 2", "watch"]
        assert all(each["healthy"] and each["lag_ms"] >= 0 for each in services.values()), services
        assert all(each["memory_bytes"] > 1_000_000 for each in services.values())
        assert services["hello"]["requests"] == 1
        assert services["gateway"]["requests"] == 0  # what the server itself asks is not counted


async def test_a_lab_that_does_not_answer_has_services_that_are_not_healthy() -> None:
    """Each with its reason."""
    async with watched() as page:
        _, said = await page.ask("GET", "/api/services")
        unhealthy = {each["name"]: each["detail"] for each in said["services"] if not each["healthy"]}
        assert set(unhealthy) == {"gateway", "hello"}
        assert all(detail.startswith("http://") for detail in unhealthy.values())


@pytest.mark.parametrize(
    ("greeting", "detail"),
    [(b'INFO {"server_id":"x"}\r\n', ""), (b"220 smtp ready\r\n", "what answers there is no broker"), (b"", "it does")],
    ids=["a broker", "another program", "silence"],
)
async def test_a_broker_is_known_by_its_greeting(greeting: bytes, detail: str) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, watched(broker=f"nats://127.0.0.1:{port}") as page:
        _, said = await page.ask("GET", "/api/services")
        [broker] = [each for each in said["services"] if each["name"] == "broker"]
        assert broker["healthy"] is not bool(detail)
        assert broker["detail"].startswith(detail)
