"""The page's texts: each language has all of them, and each text of a fault is there in Chinese."""

import re
from collections.abc import Iterable

import pytest

from lab import ROOT
from services.sites.faults.catalog import FAULTS
from services.sites.faults.parameters import WHEN
from tests.watch.page.texts import texts

PAGE = ROOT / "services/watch/page"
PLACE = re.compile(r"\{\w+}")
HAN = re.compile(r"[\u4e00-\u9fff]")
PAGES = (".", "chart", "pipeline", "run", "server", "services", "sites", "trace")
KEYS = re.compile(r"`([a-z]+\.(?:[\w.-]*\$\{[^`]*)+)`")
HOLE = re.compile(r"\$\{[^}]*\}")
PLAIN = {"skip"}  # a key without a dot
WITHOUT_WORDS = {"phase.tls", "about.at"}  # an abbreviation, and values alone


def test_both_languages_have_every_text() -> None:
    """Each with the same values in it."""
    english, chinese = texts("en.js"), texts("zh.js")
    assert len(english) > 150
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(chinese[key])), key
        assert HAN.search(chinese[key]) or key in WITHOUT_WORDS, key


def test_every_text_is_shown() -> None:
    """A text that nothing shows is translated for nothing. A key may be put together from a name and a value."""
    scripts = [file.read_text("utf-8") for folder in PAGES for file in (PAGE / folder).glob("*.js")]
    code = "\n".join(scripts)
    wholes = set(re.findall(r'"([a-z][\w.-]*\.[\w .-]+)"', code))
    made = [re.escape(each).replace("HOLE", ".+") for each in {HOLE.sub("HOLE", each) for each in KEYS.findall(code)}]
    pattern = re.compile("|".join(made))
    assert [key for key in texts("en.js") if key not in wholes | PLAIN and not pattern.fullmatch(key)] == []


def of_faults() -> Iterable[str]:
    """Yield every text about a fault that the sites' admin API gives."""
    for fault in FAULTS.values():
        yield fault.bytes_sent
        yield from (each.meaning for each in fault.parameters)
    yield from (each.meaning for each in WHEN)


@pytest.mark.parametrize("text", sorted(set(of_faults())))
def test_what_a_fault_does_is_said_in_chinese(text: str) -> None:
    """In the words of the API, where the page has no translation, it would be in English."""
    assert HAN.search(texts("zh_faults.js").get(text, "")), text


def test_no_text_is_of_a_fault_that_is_not_there() -> None:
    """A text that the API has changed would be translated no more."""
    assert texts("zh_faults.js").keys() == set(of_faults())
