"""The page's texts: each language has all of them, and each text of a fault is there in Chinese."""

import json
import re
from collections.abc import Iterable

import pytest

from lab import ROOT
from services.sites.faults.catalog import FAULTS
from services.sites.faults.parameters import WHEN

TEXTS = ROOT / "services/watch/page/text"
ENTRY = re.compile(r'("(?:[^"\\]|\\.)*"): ("(?:[^"\\]|\\.)*")')
PLACE = re.compile(r"\{\w+}")
HAN = re.compile(r"[\u4e00-\u9fff]")
WITHOUT_WORDS = {"phase.tls", "about.at"}  # an abbreviation, and values alone


def texts(name: str) -> dict[str, str]:
    """Return the texts of a file by their keys."""
    found = ENTRY.findall((TEXTS / name).read_text("utf-8"))
    return {json.loads(key): json.loads(value) for key, value in found}


def test_both_languages_have_every_text() -> None:
    """Each with the same values in it."""
    english, chinese = texts("en.js"), texts("zh.js")
    assert len(english) > 150
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(chinese[key])), key
        assert HAN.search(chinese[key]) or key in WITHOUT_WORDS, key


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
