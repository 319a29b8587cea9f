"""`client pipeline`: the dialogue, the editions on the same input, their formats, their refusals, and their end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.client.pipeline import command
from services.client.pipeline.command import Options, main, run_edition
from services.client.pipeline.options import check
from services.client.pipeline.stages import Item
from services.client.settings import ClientSettings
from services.client.survey.options import Contradiction
from services.client.survey.options import Options as SurveyOptions
from services.client.survey.survey import run_survey
from services.runtime.errors import InputUnreadable, ProgramError
from services.runtime.run import Stop
from services.runtime.settings import LOOPS
from tests.client.pipeline.editions import run_command
from tests.client.pipeline.test_queue import lossy
from tests.tutorial import DIALOGUE

LOCAL = ("generator", "queue")
NO_NAMES = ("", "A", "a b", "a.b", "../x", "-", "x" * 33, ">", "a\n")
TARGETS = """\
www.163.com
http://www.sohu.com/
# a comment

bad host
www.sina.com.cn/x
nosuch.test
www.163.com
"""
REPLIES = {
    (1, "302 Moved Temporarily"),
    (2, "200 OK"),
    (3, "usage"),
    (4, "200 OK"),
    (5, "dns"),
    (6, "302 Moved Temporarily"),
}
PROGRAM = (sys.executable, "-m", "services.client", "pipeline")


def objects(text: str) -> list[dict[str, Any]]:
    """Return JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def hosts(tmp_path: Path) -> str:
    """Return the name of a file of targets."""
    file = tmp_path / "hosts.txt"
    file.write_text(TARGETS)
    return str(file)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("items", "dialogue"), [(0, ""), (5, DIALOGUE), (None, DIALOGUE)])
def test_each_item_is_consumed_before_the_next_is_made(
    loop: str, items: int | None, dialogue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tutorial's dialogue, line for line; the ledger is on stderr."""
    assert run_command(Options(items), loop) == 0
    output = capsys.readouterr()
    assert output.out == dialogue
    assert output.err.startswith("ledger: edition generator on ")


@pytest.mark.parametrize("loop", LOOPS)
def test_one_producer_and_one_consumer_have_the_tutorials_dialogue(
    loop: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Lines of one item stay together, in any edition."""
    assert run_command(Options(edition="queue", consumers=1, quiet=True), loop) == 0
    assert capfd.readouterr() == (DIALOGUE, "")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("edition", LOCAL)
def test_numbers_have_the_same_results(loop: str, edition: str, capfd: pytest.CaptureFixture[str]) -> None:
    """An object for each, and the ledger last."""
    options = Options(3_000, edition=edition, format="json")
    assert run_command(options, loop) == 0
    *results, ledger = objects(capfd.readouterr().out)
    assert sorted(result["id"] for result in results) == list(range(1, 3_001))
    assert all(result == {"id": result["id"], "reply": "200 OK"} for result in results)
    counts = dict.fromkeys(("attempted", "acknowledged", "recorded"), 3_000)
    none = ("lost", "unexpected", "recovered", "duplicates", "redelivered", "dead_lettered", "failed")
    assert ledger.items() >= {**counts, **dict.fromkeys(none, 0), "edition": edition, "run": ""}.items()
    assert sum(ledger["workers"].values()) == 3_000


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("edition", LOCAL)
def test_targets_have_the_same_replies(loop: str, edition: str, hosts: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The reply is the status, or the error; exit 1, since some failed."""
    assert run_command(Options(input=hosts, edition=edition, format="json"), loop, in_lab=True) == 1
    *results, ledger = objects(capfd.readouterr().out)
    assert {(result["id"], result["reply"]) for result in results} == REPLIES
    assert {result["target"] for result in results if not result["ok"]} == {"bad host", "nosuch.test"}
    assert (ledger["recorded"], ledger["failed"], ledger["lost"]) == (6, 2, 0)
    assert run_command(Options(input=hosts, edition=edition), loop, in_lab=True) == 1
    output = capfd.readouterr()
    assert "www.163.com 302 Moved Temporarily\n" in output.out
    assert "ledger: " in output.err


CHANGING = ("time", "timings_ms")


def steady(records: str) -> list[dict[str, Any]]:
    """Return records in the order of their targets, without what differs from run to run."""
    found = [{name: value for name, value in record.items() if name not in CHANGING} for record in objects(records)]
    return sorted(found, key=lambda record: int(record["line"]))


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("edition", LOCAL)
def test_records_are_those_of_the_survey(
    loop: str, edition: str, hosts: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With `--format jsonl`: line, target, head, error and all."""
    file = tmp_path / "records.jsonl"

    async def both(options: Options, settings: ClientSettings, stop: Stop) -> int:
        survey = SurveyOptions([], input=hosts, format="jsonl", output=str(file), quiet=True)
        return max(await run_survey(survey, settings, stop), await main(options, settings, stop))

    options = Options(input=hosts, edition=edition, format="jsonl")
    assert run_command(options, loop, in_lab=True, command=both) == 1  # in one lab: records have its ports
    found = steady(capfd.readouterr().out)
    assert len(found) == 6
    assert found == steady(file.read_text())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("edition", LOCAL)
def test_the_limits_of_a_survey_hold_for_all_consumers(
    loop: str, edition: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """--rate, --per-host, --method and the like are given to the survey's own fetcher."""
    file = tmp_path / "hosts.txt"
    file.write_text("www.sohu.com\n" * 10)
    options = Options(
        input=str(file), edition=edition, format="json", rate=1000, per_host=1, method="HEAD", path="/robots.txt"
    )
    assert run_command(options, loop, in_lab=True) == 0
    assert len(objects(capfd.readouterr().out)) == 11


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("edition", LOCAL)
def test_where_nothing_answers_the_exit_code_is_4(
    loop: str, edition: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As that of the survey."""
    file = tmp_path / "hosts.txt"
    file.write_text("nosuch.test\n")
    assert run_command(Options(input=str(file), edition=edition, quiet=True), loop, in_lab=True) == 4
    assert capfd.readouterr() == ("nosuch.test dns\n", "")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_lossy_edition_is_exit_1(loop: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What was acknowledged and never done is lost; it is named even if all else is quiet."""
    assert run_command(Options(20, edition="queue", quiet=True), loop, command=partial(run_edition, lossy)) == 1
    assert capfd.readouterr().err == "pipeline: without a result: 7, 14\n"


@pytest.mark.parametrize("loop", LOOPS)
def test_an_error_of_a_consumer_is_one_line(
    loop: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1, after the ledger and the ids that have no result."""

    async def fail(item: Item) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("services.client.pipeline.work.reply_to_number", fail)
    with pytest.raises(ProgramError, match="a consumer failed: ZeroDivisionError: a bug") as raised:
        run_command(Options(3, edition="queue"), loop)
    assert raised.value.exit_code == 1
    assert "pipeline: without a result: 1-3\n" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(3, input="x"), "-n"),
        (Options(run="a", edition="queue"), "--edition jetstream"),
        (Options(run="a"), "--edition jetstream"),
        (Options(run=""), "--edition jetstream"),
        (Options(forget="a"), "--edition jetstream"),
        *((Options(edition="jetstream", run=name), "--run .* is no name of a run") for name in NO_NAMES),
        *((Options(edition="jetstream", forget=name), "--forget .* is no name of a run") for name in NO_NAMES),
        (Options(3, edition="jetstream", forget="a", run="b"), "leave out --items, --run"),
        (Options(format="jsonl"), "-i FILE"),
        (Options(edition="all", input="-"), "several times"),
        (Options(edition="all", input="x", format="jsonl"), "several times"),
        (Options(consumers=3), "leave out --consumers"),
        (Options(queue_size=3, producers=2), "leave out --producers, --queue-size"),
        (Options(edition="jetstream", producers=2), "--producers"),
        (Options(edition="jetstream", consumers=9), "workers, each with a --concurrency: leave out --consumers"),
        (Options(edition="queue", rate=3, follow=True), "--location, --rate"),
        (Options(edition="queue", timeout_s=1), "--timeout"),
        (Options(edition="queue", input="x", allow_net=["::/0"]), "--public-only"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: Options, words: str) -> None:
    """In one line, which says what to leave out or to give."""
    with pytest.raises(Contradiction, match=words) as raised:
        check(options)
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("edition", LOCAL)
def test_an_input_that_cannot_be_read_is_exit_3(loop: str, edition: str, tmp_path: Path) -> None:
    """A file that is missing, a directory."""
    for name in (tmp_path / "none", tmp_path):
        with pytest.raises(InputUnreadable):
            run_command(Options(input=str(name), edition=edition), loop)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("form", ["human", "json"])
def test_an_error_before_the_first_item_has_no_ledger_beside_it(
    loop: str, form: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """One of zeros would say nothing."""
    with pytest.raises(ProgramError, match="needs a broker"):
        run_command(Options(3, edition="jetstream", format=form), loop)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("words", [["-n", "-1"], ["-n", "1e3"], ["-n", "9" * 30], ["--consumers", "0"]], ids=" ".join)
def test_a_number_out_of_its_range_is_one_line(words: Sequence[str]) -> None:
    """Exit 2, and nothing is produced."""
    result = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, timeout=50, check=False)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_stop_ends_it_after_a_whole_item(loop: str, number: signal.Signals) -> None:
    """Exit 130, with any number of items."""
    words = ("-n", "1000000000", "--loop", loop)
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as pipeline:
        try:
            assert pipeline.stdout
            assert pipeline.stdout.readline() == "[PRODUCER] Producing 1...\n"
            os.kill(pipeline.pid, number)
            *_, last = pipeline.stdout
            assert pipeline.wait() == 130
        finally:
            pipeline.kill()
    assert last == "[PRODUCER] Consumer return: 200 OK\n"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_stop_names_the_ids_without_a_result(loop: str) -> None:
    """Exit 130; what is in flight is cancelled, and what was written is whole."""
    words = ("--edition", "queue", "-n", "1000000000", "--format", "json", "--loop", loop)
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as pipeline:
        try:
            assert pipeline.stdout
            assert pipeline.stderr
            pipeline.stdout.readline()
            os.kill(pipeline.pid, signal.SIGINT)
            *results, last = [json.loads(line) for line in pipeline.stdout]
            assert pipeline.wait() == 130
            said = pipeline.stderr.read()
        finally:
            pipeline.kill()
    assert last["recorded"] == len(results) + 1
    unfinished = last["attempted"] - last["recorded"]
    assert 0 <= unfinished <= 100 + 4 + 1
    assert ("without a result: " in said) == (unfinished > 0)


def peak_kib(words: Sequence[str]) -> int:
    """Return the most memory that a run of the program held."""
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as pipeline:
        _, status, usage = os.wait4(pipeline.pid, 0)
        pipeline.returncode = os.waitstatus_to_exitcode(status)
    assert pipeline.returncode == 0
    return usage.ru_maxrss


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("edition", LOCAL)
def test_memory_does_not_grow_with_the_input(edition: str) -> None:
    """A thousand items or three hundred thousand: what is held is what is in flight."""
    few, many = (peak_kib(("--edition", edition, "-n", count, "--format", "json")) for count in ("1000", "300000"))
    assert many < few * 1.2


def test_targets_may_come_from_stdin(hosts: str) -> None:
    """With `-i -`, of which no item is known before."""
    words = ("--edition", "queue", "-i", "-", "--format", "json", "--resolve", "*:80:127.0.0.1:1")
    with Path(hosts).open() as file:
        result = subprocess.run([*PROGRAM, *words], stdin=file, capture_output=True, text=True, timeout=50, check=False)
    *results, ledger = objects(result.stdout)
    assert result.returncode == 4
    assert {result["id"] for result in results} == set(range(1, 7))
    assert ledger["recorded"] == 6


def test_a_package_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other editions need none."""
    monkeypatch.setitem(sys.modules, "services.client.pipeline.jetstream.edition", None)
    with pytest.raises(command.EditionMissing, match="jetstream"):
        command.edition_of("jetstream")
