"""The pages for people, and what is read out of them: links, code, tables, commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*.md")),
]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
CLIENT = (("docker", "compose", "run", "--rm", "client"), (".venv/bin/python", "-m", "services.client"), ("client",))
LAB = (("lab",), (".venv/bin/lab",))
ASYNCLAB = (("asynclab",),)
ENDS = {"<", ">", "|", "&&", ";"}
STANDS_FOR = {  # words that stand for what a person gives
    "EDITION": "sequential",
    "N": "1",
    "SITE": "www.163.com",
    "TARGET": "www.163.com",
    "URL": "http://127.0.0.1:3128",
}


def text_of(page: Path) -> str:
    """Return a page without its comments."""
    return COMMENT.sub("", page.read_text("utf-8"))


def named(page: Path) -> str:
    """Return how a test calls a page."""
    return page.relative_to(ROOT).as_posix()


def inline_code(text: str) -> list[str]:
    """Return what stands between backticks outside of fenced code, each on one line."""
    found = INLINE.findall(FENCED.sub("", text))
    return [" ".join(each.replace("\\|", "|").split()) for each in found]


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Return the rows of a text's tables, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = [index for index, each in enumerate(cells) if set(each) == {"---"}]
    return [each for index, each in enumerate(cells) if index not in rules and index + 1 not in rules]


def names_in(text: str) -> list[str]:
    """Return the words between backticks that are names, in order."""
    return [name for name in INLINE.findall(text) if re.fullmatch(r"[a-zA-Z_0-9]+", name)]


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of every command line in a text: of shell blocks, and of code within a sentence."""
    lines = [line for language, block in FENCED.findall(text) if language == "sh" for line in block.splitlines()]
    for line in [*lines, *inline_code(text)]:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # not a command: a part of one, or another language
            continue
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            del words[0]
        until = next((index for index, word in enumerate(words) if word in ENDS), len(words))
        if words[:until]:
            yield words[:until]


def plain(words: list[str]) -> Iterator[list[str]]:
    """Yield the words with all that stands for something replaced; each of `a|b` makes a command of its own."""
    for index, word in enumerate(words):
        if "|" in word and "{" not in word:
            for each in word.strip("[]").split("|"):
                yield from plain([*words[:index], each, *words[index + 1 :]])
            return
    usual = [word if "{" in word else word.strip("[]").removesuffix("...") for word in words]
    yield [STANDS_FOR.get(word, word) for word in usual if word]


def after(words: list[str], beginnings: tuple[tuple[str, ...], ...]) -> list[str] | None:
    """Return what follows the first of these beginnings that a command has; None where it has none of them."""
    for beginning in beginnings:
        if tuple(words[: len(beginning)]) == beginning:
            return words[len(beginning) :]
    return None
