"""The tutorial's story, run as a person runs it: what it says in both languages, and how to make it again."""

import html
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT
from lab.report.recording import is_embedded, recorded, typed
from lab.report.scenes import BLOCKING, PLANS, Plan, Run
from services.client.cli import understand
from services.client.report.words import LANGUAGES
from tests.lab.serving.labs import LAB, ready, serving

STORY_S = 300
COMMAND = re.compile(r"<code>(<span>.*?)</code>")
TAG = re.compile(r"<[^>]*>")


def commands_in(page: str) -> list[str]:
    """Return the commands of a page, as they are copied from it."""
    return [html.unescape(TAG.sub("", each)) for each in COMMAND.findall(page)]


def line_of(program: Path, text: str) -> int:
    """Return the number of the line of a program that begins so."""
    [number] = [n for n, line in enumerate(program.read_text().splitlines(), 1) if line.strip().startswith(text)]
    return number


@pytest.mark.timeout(STORY_S)
def test_the_story_is_told_in_both_languages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five scenes; the line that blocks has its file and its number; each command is one of the programs that are."""
    monkeypatch.delenv("ASYNCLAB_URL", raising=False)
    told = subprocess.run(
        [LAB, "report", "-o", tmp_path / "story"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    files = [tmp_path / "story" / name for name in ("index.html", "index.zh.html")]
    assert told.stdout.splitlines() == [str(each) for each in files]
    english, chinese = (each.read_text() for each in files)
    blamed = f"{Path(BLOCKING).name}:{line_of(ROOT / BLOCKING, 'time.sleep')}"
    for page in (english, chinese):
        assert page.count("<article") == len(PLANS)
        assert f"<bdi>{blamed} " in page
        for said in ("jetstream", "generator", "queue", "uvloop"):
            assert f"<bdi>{said}</bdi>" in page
    assert "Waiting overlaps." in english
    assert "等待可以重叠" in chinese
    for page in (english, chinese):
        commands = commands_in(page)
        assert len(commands) == sum(len(plan.runs) for plan in PLANS)
        for command in commands:
            understand(shlex.split(command.partition(" embedded ")[2]), default_loop="asyncio")


@pytest.mark.timeout(STORY_S)
@pytest.mark.parametrize(("is_told", "loop"), [(True, "uvloop"), (False, "asyncio")], ids=["--lab", "ASYNCLAB_URL"])
def test_the_story_is_run_in_the_lab_that_stands(
    is_told: bool, loop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its sites answer, as their journals say, and the commands name it."""
    from lab.cli import run_command

    monkeypatch.setattr("lab.report.scenes.PLANS", PLANS[:1])
    monkeypatch.setenv("LAB_LOOP", loop)
    with serving("--format", "json") as process:
        url = ready(process)["gateway"]
        monkeypatch.setenv("ASYNCLAB_URL", "http://127.0.0.1:1" if is_told else url)
        words = ["--lab", url] if is_told else []
        assert run_command(["report", "-o", str(tmp_path), *words]) == 0
        asked = subprocess.run(
            [sys.executable, "-m", "services.client", "journal", "--all", "--lab", url, "--format", "json"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    capfd.readouterr()
    assert {"www.163.com", "www.sina.com.cn", "www.sohu.com"} <= set(re.findall(r"www[a-z.0-9]*", asked.stdout))
    page = (tmp_path / "index.html").read_text()
    assert f"loop {loop}" in page
    [command] = commands_in(page)
    assert command.endswith(f"compare --report compare.html --lab {url}")


BROKER = Run(("pipeline", "--edition", "jetstream"), "jetstream", needs="broker")
SITES = Run(("compare",), "compare")
ALONE = Run(("trace", "a program.py"), "alone", needs_lab=False)
URL = "http://127.0.0.1:3128"


@pytest.mark.parametrize(
    ("run", "lab", "broker", "line"),
    [
        (SITES, "", "", ".venv/bin/lab embedded compare --report compare.html"),
        (SITES, URL, "", f".venv/bin/python -m services.client compare --report compare.html --lab {URL}"),
        (ALONE, URL, "", ".venv/bin/lab embedded trace --report alone.html 'a program.py'"),
        (BROKER, URL, "", ".venv/bin/lab embedded pipeline --report jetstream.html --edition jetstream"),
        (
            BROKER,
            URL,
            "nats://broker:4222",
            f".venv/bin/python -m services.client pipeline --report jetstream.html --edition jetstream --lab {URL}",
        ),
    ],
    ids=["embedded", "a lab", "no lab", "a lab without a broker", "a lab and a broker"],
)
def test_a_command_is_that_of_the_lab(
    run: Run, lab: str, broker: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is named has the workers of the lab that stands; else the run has both by itself."""
    monkeypatch.setenv("BROKER_URL", broker)
    assert typed(run, lab) == line
    assert typed(run, lab, "zh") == line.replace(".html", ".zh.html")
    assert is_embedded(run, lab) == (run.needs_lab and " embedded " in line)


def test_a_run_of_which_some_failed_is_drawn_and_said(capfd: pytest.CaptureFixture[str]) -> None:
    """A site that is at fault is what a picture is good for."""
    run = Run(("wget", "www.sohu.com", "no.such.host"), "wget")
    plan = Plan({"en": "x", "zh": "x"}, (run,), dict.fromkeys(LANGUAGES, ()))
    said: list[str] = []
    scene = recorded(plan, lab="", say=said.append)
    assert not scene.ok
    assert {task.ok for trace in scene.scene.traces for task in trace.tasks} >= {True}
    assert "some of that failed" in said[-1]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: str(plan.name["en"]))
def test_each_scene_has_three_sentences_in_each_language(plan: Plan) -> None:
    """The story says the same to both readers."""
    assert {language: len(plan.sentences[language]) for language in LANGUAGES} == {"en": 3, "zh": 3}
