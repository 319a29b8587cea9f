"""The metrics for Prometheus: plain numbers of the site, read at each scrape, so that an answer costs no lock."""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from services.sites.site import LATENESS_S, Lateness, Site


class SiteCollector(Collector):
    """Reads a site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        site = self._site
        yield exchanges(site)
        yield generations(site)
        yield from connections(site)
        journal = CounterMetricFamily("site_journal_entries", "Journal entries by what became of them", labels=["fate"])
        journal.add_metric(["kept"], len(site.journal.entries))
        journal.add_metric(["dropped"], site.journal.dropped)
        yield journal
        yield from memory(site)
        yield lateness(site.lateness)
        yield GaugeMetricFamily(
            "site_ready", "Whether every recording is valid and every listener as it is to be", value=not site.trouble
        )


def exchanges(site: Site) -> Metric:
    """Return how exchanges ended; an empty host stands for requests that no host answers."""
    family = CounterMetricFamily(
        "site_requests", "Exchanges by host, fault and outcome", labels=["host", "fault", "outcome"]
    )
    for host, outcomes in [
        ("", site.outcomes_without_host),
        *((host.name, host.all_outcomes()) for host in site.hosts.values()),
    ]:
        for (fault, outcome), count in outcomes.items():
            family.add_metric([host, fault, outcome], count)
    return family


def generations(site: Site) -> Metric:
    """Return the generation of each plan in force."""
    family = GaugeMetricFamily("site_plan_generation", "Generation of the plan in force; 0: no faults", labels=["host"])
    for host in site.hosts.values():
        family.add_metric([host.name], host.plan.generation if host.plan else 0)
    return family


def connections(site: Site) -> Iterator[Metric]:
    """Return what is known of connections."""
    yield CounterMetricFamily("site_connections", "Connections accepted", value=site.accepted)
    yield CounterMetricFamily("site_connections_turned_away", "Connections over the limit", value=site.turned_away)
    yield GaugeMetricFamily("site_connections_open", "Connections open now", value=len(site.connections))


def memory(site: Site) -> Iterator[Metric]:
    """Return what each pool of the budget has and has given, and how often it was refused."""
    budget = site.budget
    budget.count(connections=len(site.connections), journal_bytes=site.journal.held_bytes)
    limits = GaugeMetricFamily("site_memory_limit_bytes", "What a pool of memory has", labels=["pool"])
    used = GaugeMetricFamily("site_memory_used_bytes", "What a pool of memory has given", labels=["pool"])
    refused = CounterMetricFamily("site_memory_refused", "What a pool had no memory for", labels=["pool"])
    for pool in budget.pools:
        limits.add_metric([pool.name], pool.limit)
        used.add_metric([pool.name], pool.used)
        refused.add_metric([pool.name], site.turned_away if pool is budget.connections else pool.refused)
    yield from (limits, used, refused)


def lateness(measured: Lateness) -> Metric:
    """Return how much longer than asked for pauses were."""
    bounds = [*(str(bound) for bound in LATENESS_S), "+Inf"]
    return HistogramMetricFamily(
        "site_pause_lateness_seconds",
        "How much longer a fault's pauses were than asked for",
        buckets=list(zip(bounds, map(float, accumulate(measured.counts)), strict=True)),
        sum_value=measured.sum_s,
    )
