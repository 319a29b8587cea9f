"""Matches: which requests each is for, which of two is more special, and what none may say."""

import random
import re
from collections.abc import Mapping

import pytest

from services.runtime.untrusted import parse_toml
from services.sites.faults.plan import Problem
from services.sites.http.request import read_request
from services.sites.replay.match import MAX_STARS, MAX_VALUES, Match, MatchedRequest, is_like, read_match


def request_of(target: str = "/", method: str = "GET", fields: str = "") -> MatchedRequest:
    """Return a request as a match sees it."""
    return MatchedRequest(read_request(f"{method} {target} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n".encode("latin-1")))


def match_of(toml: str) -> Match:
    """Return the match of a table in TOML."""
    problems: list[Problem] = []
    match = read_match(parse_toml(toml.encode()), "match", problems)
    assert not problems
    return match


MET: Mapping[str, tuple[str, MatchedRequest, bool]] = {
    "nothing": ("", request_of("/a?b", "POST"), True),
    "method": ('method = "POST"', request_of(method="POST"), True),
    "another method": ('method = "POST"', request_of(), False),
    "a method in another case": ('method = "post"', request_of(method="POST"), False),
    "HEAD is not GET": ('method = "GET"', request_of(method="HEAD"), False),
    "path": ('path = "/a"', request_of("/a"), True),
    "path, with a query": ('path = "/a"', request_of("/a?b=c"), True),
    "path, of a whole URL": ('path = "/a"', request_of("http://a.test/a?b"), True),
    "no path in a whole URL": ('path = "/"', request_of("http://a.test"), True),
    "path, as it was sent": ('path = "/%61"', request_of("/a"), False),
    "path, in bytes": ('path = "/\u00e9"', request_of("/\u00e9"), True),
    "a longer path": ('path = "/a"', request_of("/ab"), False),
    "star": ('path = "/v1/*"', request_of("/v1/a/b"), True),
    "star for nothing": ('path = "/v1/*"', request_of("/v1/"), True),
    "star, less than it": ('path = "/v1/*"', request_of("/v1"), False),
    "star at the begin": ('path = "*.png"', request_of("/a/b.png"), True),
    "star in the middle": ('path = "/a*z"', request_of("/abcz"), True),
    "the ends do not overlap": ('path = "/ab*ba"', request_of("/aba"), False),
    "stars": ('path = "/*/b/*/d"', request_of("/a/b/c/d"), True),
    "stars, out of order": ('path = "/*d*b*"', request_of("/a/b/c/d"), False),
    "a star that is sent": ('path = "/a*"', request_of("/a*"), True),
    "a star alone": ('path = "*"', request_of("*", "OPTIONS"), True),
    "query": ('query = { a = "1" }', request_of("/?b=2&a=1"), True),
    "query, another value": ('query = { a = "1" }', request_of("/?a=12"), False),
    "query, one of two values": ('query = { a = "1" }', request_of("/?a=2&a=1"), True),
    "query, decoded": ('query = { "a b" = "\u00e9&" }', request_of("/?a+b=%C3%A9%26"), True),
    "query, empty value": ('query = { a = "" }', request_of("/?a"), True),
    "query, not there": ('query = { a = "" }', request_of("/"), False),
    "query, in another case": ('query = { A = "1" }', request_of("/?a=1"), False),
    "query, not UTF-8": ('query = { a = "\ufffd" }', request_of("/?a=%ff"), True),
    "field": ('field = { accept = "b" }', request_of(fields="Accept: b\r\n"), True),
    "field, in another case": ('field = { X-A = "b" }', request_of(fields="x-a: b\r\n"), True),
    "field, twice": ('field = { x-a = "b, c" }', request_of(fields="x-a: b\r\nX-A: c\r\n"), True),
    "field, another value": ('field = { accept = "B" }', request_of(fields="Accept: b\r\n"), False),
    "field, not there": ('field = { accept = "" }', request_of(), False),
    "all but one": ('method = "GET"\npath = "/*"\nquery = { a = "1" }', request_of("/?a=2"), False),
    "all": ('method = "GET"\npath = "/*"\nfield = { host = "a.test" }', request_of("/x"), True),
}


@pytest.mark.parametrize(("toml", "request_", "met"), MET.values(), ids=MET)
def test_a_match_is_for_the_requests_that_meet_all_of_it(toml: str, request_: MatchedRequest, met: bool) -> None:
    """Exact values; only a path has stars, and only names of fields have no case."""
    assert match_of(toml).meets(request_) is met


def test_a_path_is_like_its_pattern_where_a_regular_expression_says_so() -> None:
    """Of few letters, so that pieces overlap and repeat."""
    chance = random.Random(11)
    for _ in range(20_000):
        pattern = "".join(chance.choices("ab*", k=chance.randint(0, 7)))
        path = "".join(chance.choices("ab", k=chance.randint(0, 9)))
        expected = re.fullmatch(pattern.replace("*", ".*"), path) is not None
        assert is_like(path, tuple(re.sub(r"\*+", "*", pattern).split("*"))) is expected, (pattern, path)


def test_a_hostile_path_takes_no_longer_than_its_length() -> None:
    """A pattern that makes a regular expression try every way of splitting a path; each piece is found once here."""
    match = match_of(f'path = "/{"a*" * (MAX_STARS - 1)}b"')
    assert not match.meets(request_of("/" + "a" * 8_000))


SPECIAL_FIRST = (
    'path = "/v1/users"\nmethod = "GET"\nquery = { a = "1" }',
    'path = "/v1/users"\nmethod = "GET"',
    'path = "/v1/users"',
    'path = "/v1"',
    'path = "/v1/users/*"\nfield = { a = "b" }',
    'path = "/v1/users/*"\nmethod = "GET"',
    'path = "/v1/users/*"',
    'path = "/v1/*"\nmethod = "GET"\nquery = { a = "1" }',
    'path = "/v1/*"',
    'path = "/*"',
    'query = { a = "1", b = "2" }',
    'query = { a = "1" }\nmethod = "GET"',
    'field = { a = "1" }',
    'method = "GET"',
    "",
)


def test_the_more_special_match_comes_first() -> None:
    """The path, then how many values, then the method."""
    matches = [match_of(each) for each in SPECIAL_FIRST]
    assert sorted(matches, key=lambda each: each.specificity, reverse=True) == matches


SAME = {
    "stars": ('path = "/a*"', 'path = "/a**"'),
    "any path": ('path = "*"', ""),
    "fields in another case": ('field = { Accept = "b" }', 'field = { accept = "b" }'),
    "another order": ('query = { a = "1", b = "2" }', 'query = { b = "2", a = "1" }'),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_two_spellings_are_one_match(one: str, other: str) -> None:
    """Else two would be for the same requests, and nothing would say so."""
    assert match_of(one) == match_of(other)


@pytest.mark.parametrize("toml", SPECIAL_FIRST)
def test_a_match_is_shown_as_it_is_taken(toml: str) -> None:
    """What GET shows can be sent again."""
    problems: list[Problem] = []
    assert read_match(match_of(toml).as_json(), "match", problems) == match_of(toml)
    assert not problems


BAD: Mapping[str, tuple[object, str]] = {
    "no table": ([], "match"),
    "an unknown key": ({"host": "a.test"}, "match.host"),
    "a method that is none": ({"method": "GET /"}, "match.method"),
    "a method of a list": ({"method": ["GET"]}, "match.method"),
    "a path without a slash": ({"path": "v1"}, "match.path"),
    "a path with a query": ({"path": "/a?b"}, "match.path"),
    "a path with a space": ({"path": "/a b"}, "match.path"),
    "a path with a line end": ({"path": "/a\n"}, "match.path"),
    "a long path": ({"path": "/" * 2049}, "match.path"),
    "too many stars": ({"path": "/" + "*a" * (MAX_STARS + 1)}, "match.path"),
    "a query of a list": ({"query": ["a"]}, "match.query"),
    "a query with a number": ({"query": {"a": 1}}, "match.query.a"),
    "a query that is no text": ({"query": {"a": "\ud800"}}, "match.query.a"),
    "too many of a query": ({"query": {str(n): "" for n in range(MAX_VALUES + 1)}}, "match.query"),
    "a field that is none": ({"field": {"a b": "c"}}, "match.field.a b"),
    "a field with a line end": ({"field": {"a": "b\r\n"}}, "match.field.a"),
    "a field twice": ({"field": {"a": "1", "A": "2"}}, "match.field"),
}


@pytest.mark.parametrize(("data", "field"), BAD.values(), ids=BAD)
def test_a_bad_match_is_refused_by_the_field_that_is_wrong(data: object, field: str) -> None:
    """One problem for each."""
    problems: list[Problem] = []
    read_match(data, "match", problems)
    assert [problem.field for problem in problems] == [field]
