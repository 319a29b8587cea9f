"""The tutorial's story, run as a person runs it: what it says in both languages, and how to make it again."""

import html
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT
from lab.report.scenes import BLOCKING, PLANS, Plan
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


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: str(plan.name["en"]))
def test_each_scene_has_three_sentences_in_each_language(plan: Plan) -> None:
    """The story says the same to both readers."""
    assert {language: len(plan.sentences[language]) for language in LANGUAGES} == {"en": 3, "zh": 3}
