"""The figures of the pages: what is counted, alone and with several workers."""

import errno
import io
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.hello.figures import Figures, FiguresCollector, FiguresFailed, RouteFigures

ROUTES = ("/", "/hello/{name}")


def scraped(figures: Figures) -> Mapping[tuple[str, str, str], float]:
    """Return what a scrape reads, by name, route and bucket."""
    registry = CollectorRegistry()
    registry.register(FiguresCollector(figures))
    return {
        (each.name, each.labels.get("route", ""), each.labels.get("le", "")): each.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for each in family.samples
    }


def test_a_request_that_is_answered_is_counted_and_timed() -> None:
    """A bucket of a histogram has what is in the lower ones, too."""
    figures = Figures(ROUTES)
    route = RouteFigures(figures, "/")
    for seconds in (0.004, 0.3, 100):
        route.begin()
        route.end(seconds)
        route.answered()
    found = scraped(figures)
    assert found["hello_requests_total", "/", ""] == 3
    assert found["hello_requests_total", "/hello/{name}", ""] == 0
    assert found["hello_request_seconds_sum", "/", ""] == pytest.approx(100.304)
    assert found["hello_request_seconds_count", "/", ""] == 3
    buckets = [found["hello_request_seconds_bucket", "/", bound] for bound in ("0.005", "0.25", "0.5", "10.0", "+Inf")]
    assert buckets == [1, 1, 2, 2, 3]


def test_a_request_that_fails_is_timed_and_not_counted_as_answered() -> None:
    figures = Figures(ROUTES)
    route = RouteFigures(figures, "/")
    route.begin()
    assert scraped(figures)["hello_requests_in_flight", "", ""] == 1
    route.end(1.0)
    found = scraped(figures)
    assert (found["hello_requests_in_flight", "", ""], found["hello_requests_total", "/", ""]) == (0, 0)
    assert found["hello_request_seconds_count", "/", ""] == 1


def test_any_worker_answers_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one has counted, the other reads at once; a file of another program in that directory does not matter."""
    (tmp_path / "other.figures").write_bytes(b"other")
    (tmp_path / "other.db").write_bytes(b"other")
    workers = []
    for pid in (1, 2):
        monkeypatch.setattr("os.getpid", lambda pid=pid: pid)
        workers.append(Figures(ROUTES, str(tmp_path)))
    for worker in workers:
        RouteFigures(worker, "/hello/{name}").answered()
        worker.turned_away()
    for worker in workers:
        found = scraped(worker)
        assert found["hello_requests_total", "/hello/{name}", ""] == 2
        assert found["hello_turned_away_total", "", ""] == 2


def test_a_worker_whose_files_are_removed_counts_on(tmp_path: Path) -> None:
    """What cleans up /tmp knows nothing of them; its own figures are in its memory."""
    figures = Figures(ROUTES, str(tmp_path))
    for file in tmp_path.iterdir():
        file.unlink()
    tmp_path.rmdir()
    RouteFigures(figures, "/").answered()
    assert scraped(figures)["hello_requests_total", "/", ""] == 1


def test_a_file_that_cannot_be_read_counts_nothing(tmp_path: Path) -> None:
    """It may go while it is looked for."""
    figures = Figures(ROUTES, str(tmp_path))
    (tmp_path / "2.figures").symlink_to("nowhere")
    assert scraped(figures)["hello_requests_total", "/", ""] == 0


def test_where_no_file_can_be_made_one_line_says_so(tmp_path: Path) -> None:
    """With the directory and the reason."""
    with pytest.raises(FiguresFailed, match=r"in .*/none \(No such file") as caught:
        Figures(ROUTES, str(tmp_path / "none"))
    assert caught.value.exit_code == 3


def test_the_figures_have_their_place_on_the_disk_from_the_beginning(tmp_path: Path) -> None:
    """To write into a hole of a mapped file ends a process by SIGBUS where the disk is full."""
    figures = Figures(ROUTES, str(tmp_path))
    [file] = tmp_path.iterdir()
    assert file.stat().st_blocks * 512 >= figures.size == file.stat().st_size


@pytest.mark.parametrize("room", [0, 100])
def test_a_disk_that_is_full_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Whether it takes nothing, or a part."""

    class Full(io.FileIO):
        def write(self, _data: object) -> int:
            if not room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return room

    monkeypatch.setattr(Path, "open", lambda path, mode, **_more: Full(path, mode.replace("b", "")))
    with pytest.raises(FiguresFailed, match="No space left on device"):
        Figures(ROUTES, str(tmp_path))
