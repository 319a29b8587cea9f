"""Every page: its links lead somewhere, the files that it names are there, and its commands are ones that exist."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.cli import COMMANDS as LAB_COMMANDS
from lab.cli import understand as understand_lab
from services.client.cli import understand as understand_client
from services.client.options.commands import COMMANDS as CLIENT_COMMANDS
from tests.docs.pages import (
    ASYNCLAB,
    CLIENT,
    FENCED,
    LAB,
    PAGES,
    ROOT,
    after,
    anchors,
    commands,
    inline_code,
    named,
    plain,
    text_of,
)

LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")
MAKE = re.compile(r"^(\w+):.*##", re.MULTILINE)
TREE = re.compile(r"(?:services|lab|tests|docs|examples|requirements|\.ci)/[\w./-]*|Makefile|[\w.-]+\.(?:yaml|toml|md)")
MADE_LATER = {".toml", "NAME.toml", "example.org.toml", "build/compose.recordings.yaml"}  # by `lab up` and `lab record`
each_page = pytest.mark.parametrize("page", PAGES, ids=named)


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file that is there and, where it names a heading, to one that the file has."""
    broken = []
    for file, heading in LINK.findall(text_of(page)):
        target = page.parent / file if file else page
        if not target.exists() or (heading and heading not in anchors(text_of(target))):
            broken.append(f"{file}#{heading}")
    assert broken == []


@each_page
def test_every_file_that_is_named_is_there(page: Path) -> None:
    """From the root of the checkout or from the page; a changelog also names what was."""
    paths = [each for each in inline_code(text_of(page)) if TREE.fullmatch(each) and each not in MADE_LATER]
    missing = [each for each in paths if not (ROOT / each).exists() and not (page.parent / each).exists()]
    assert missing == []


@each_page
def test_every_command_is_one_that_its_parser_knows(page: Path) -> None:
    """Options and all; where a sentence names a command alone, there is such a command."""
    verbs = set(MAKE.findall((ROOT / "Makefile").read_text("utf-8")))
    for line in commands(text_of(page)):
        for words in plain(line):
            if words[0] == "make":
                assert {word for word in words[1:] if "=" not in word} <= verbs, line
            elif rest := after(words, LAB):  # nothing follows where the program itself is meant
                check_lab(rest)
            elif (rest := after(words, CLIENT)) is not None:
                check_client(rest)
            elif rest := after(words, ASYNCLAB):
                check_asynclab(rest)


def check_asynclab(words: list[str]) -> None:
    """Let the parser of `lab` read `serve`, and that of the client the others."""
    (check_lab if words[0] == "serve" else check_client)(words)


def check_lab(words: list[str]) -> None:
    """Let the parser of `lab` read a command line, and that of the client what is for it."""
    assert words[0] in LAB_COMMANDS, words
    read(lambda: understand_lab(words), words)
    if words[0] in {"embedded", "run"}:
        check_client(words[1:])
    elif words[0] == "record" and words[1:]:
        check_client(words)


def check_client(words: list[str]) -> None:
    """Let the client's parser read a command line."""
    if len(words) == 1 and not words[0].startswith("-"):
        assert words[0] in CLIENT_COMMANDS, words
        return
    read(lambda: understand_client(words, default_loop="asyncio", joins=True), words)


def read(parse: Callable[[], object], words: list[str]) -> None:
    """Parse; `--help` and `--version` end well, a refusal does not."""
    code: object = 0
    try:
        parse()
    except SystemExit as ended:
        code = ended.code
    assert code == 0, words


@pytest.mark.parametrize(
    ("page", "other"), [("README.md", "README.zh-CN.md"), ("docs/lessons.md", "docs/lessons.zh-CN.md")]
)
def test_both_languages_have_the_same_commands(page: str, other: str) -> None:
    """In their shell blocks, line for line, but for the comments; and the READMEs have as many sections."""
    texts = [text_of(ROOT / name) for name in (page, other)]
    blocks = [[block for language, block in FENCED.findall(text) if language == "sh"] for text in texts]
    lines = [[line.partition(" #")[0].rstrip() for block in each for line in block.splitlines()] for each in blocks]
    assert lines[0] == lines[1]
    if page == "README.md":
        assert texts[0].count("\n## ") == texts[1].count("\n## ")
