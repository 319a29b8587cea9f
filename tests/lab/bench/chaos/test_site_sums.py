"""A site's sums, as its admin side says them."""

import pytest

from lab.bench.chaos.found import Sums
from lab.bench.chaos.site_sums import read_sums

JOURNAL = '{"total": 12, "kept": 10, "dropped": 2, "entries": []}'
METRICS = """\
# HELP site_requests_total Exchanges by host, fault and outcome
# TYPE site_requests_total counter
site_requests_total{fault="",host="a.test",outcome="kept"} 7.0
site_requests_total{fault="rst_at",host="a {}\\"b",outcome="rst"} 5.0
site_requests_created{fault="",host="a.test",outcome="kept"} 1.7e+09
site_connections_turned_away_total 3.0
site_budget_turned_away_total{what="answers"} 4.0
site_connections_open 1.0
"""


def test_sums_are_added_over_hosts_faults_and_outcomes() -> None:
    """What the journal counts one by one, the metrics count by kind."""
    sums = read_sums(JOURNAL, METRICS)
    assert sums == Sums(total=12, kept=10, dropped=2, requests=12, open=1, turned_away=7)
    assert sums.exact


@pytest.mark.parametrize(
    "sums", [Sums(12, 10, 1, 12), Sums(12, 10, 2, 11), Sums(12, 10, 3, 12), Sums(13, 10, 2, 12)], ids=str
)
def test_one_too_many_or_too_few_is_not_exact(sums: Sums) -> None:
    """No process is missed, and none is counted twice."""
    assert not sums.exact


@pytest.mark.parametrize("journal", ["", "not json", "[]", "{}", '{"total": null, "kept": 0, "dropped": 0}'])
def test_what_is_no_answer_has_no_sums(journal: str) -> None:
    """A site that does not answer has not proved anything."""
    assert read_sums(journal, METRICS) is None
