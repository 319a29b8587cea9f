"""What a match is made of, and the names of files."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.record.request_match import MAX_NAME, RequestMatch, Unmatchable, match_of

MATCHES = {
    "path": ("/v1/users", "/v1/users", {}),
    "root": ("/", "/", {}),
    "query": ("/a?y=2&x=1", "/a", {"x": "1", "y": "2"}),
    "query, decoded as sites decode it": ("/a?q=a+b%2Bc&e=%C3%A9", "/a", {"q": "a b+c", "e": "é"}),
    "query without values": ("/a?x&y=", "/a", {"x": "", "y": ""}),
    "query with a name twice": ("/a?x=1&x=2", "/a", {"x": "1"}),
    "path as it was sent": ("/%2e/%C3%A9;v=1", "/%2e/%C3%A9;v=1", {}),
    "credential in the query": ("/a?token=t0p&page=2", "/a", {"page": "2"}),
    "credential in a URL in the query": ("/in?to=%2Fout%3Fsig%3Dab&page=2", "/in", {"page": "2"}),
    "credential in the path": ("/a;jsessionid=77/b", "/a;jsessionid=*/b", {}),
    "stars are one": ("/a**b", "/a*b", {}),
}


@pytest.mark.parametrize(("target", "path", "query"), MATCHES.values(), ids=MATCHES)
def test_a_match_is_what_tells_a_request_from_others(target: str, path: str, query: dict[str, str]) -> None:
    """Without credentials, which are never sent again and no file may hold."""
    table = match_of("GET", target, keep_secrets=False).table
    assert table == {"method": "GET", "path": path} | ({"query": query} if query else {})


def test_a_credential_is_in_a_match_if_it_is_to_be_kept() -> None:
    """--keep-secrets holds for the sidecar's match as well."""
    table = match_of("GET", "/a?token=t0p", keep_secrets=True).table
    assert table == {"method": "GET", "path": "/a", "query": {"token": "t0p"}}


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/" + "a" * 2048), ("GET", "/*" * 33), ("G ET", "/"), ("", "/"), ("GET\r\n", "/"), ("A" * 33, "/")],
)
def test_a_request_that_no_match_can_name_is_refused(method: str, target: str) -> None:
    """With the bounds that a site has for a match."""
    with pytest.raises(Unmatchable):
        match_of(method, target, keep_secrets=False)


def test_values_that_a_site_would_refuse_are_left_out() -> None:
    """The match is then for more requests, and still for this one."""
    many = "&".join(f"n{number}=1" for number in range(40))
    assert len(match_of("GET", f"/a?{many}", keep_secrets=False).query) == 32
    assert match_of("GET", f"/a?x={'y' * 2049}&z=1", keep_secrets=False).query == (("z", "1"),)


NAMES = {
    ("GET", "/"): "index",
    ("GET", "/v1/users"): "v1_users",
    ("GET", "/a-b.html"): "a-b.html",
    ("GET", "/index"): "index__",
    ("GET", "/a_b"): "a-b__",
    ("GET", "/A"): "a__",
    ("GET", "/a/"): "a__",
    ("GET", "/a//b"): "a_b__",
    ("GET", "/a?x=1"): "a__",
    ("GET", "/?x=1"): "index__",
    ("POST", "/"): "post__",
    ("POST", "/v1/users"): "post_v1_users__",
    ("GET", "/../../etc/passwd"): "etc_passwd__",
    ("GET", "/.hidden"): "hidden__",
    ("GET", "/%00%C3%A9"): "00-c3-a9__",
}


@pytest.mark.parametrize(("request_line", "name"), NAMES.items(), ids=map(" ".join, NAMES))
def test_a_name_shows_the_path_and_a_digest_where_that_is_not_all(request_line: tuple[str, str], name: str) -> None:
    """It is the same in every run."""
    found = match_of(*request_line, keep_secrets=False).name
    assert found == name if not name.endswith("__") else re.fullmatch(re.escape(name) + "[0-9a-f]{20}", found)


TARGETS = st.text("/aA1_-.*%?=& ;", max_size=200).map(lambda text: "/" + text.replace(" ", "/"))


@given(st.lists(st.tuples(st.sampled_from(["GET", "POST", "GET-POST"]), TARGETS), max_size=20))
def test_names_are_safe_and_differ_wherever_matches_differ(requests: list[tuple[str, str]]) -> None:
    """Also where a file system knows no case: a name has no capitals."""
    matches: set[RequestMatch] = set()
    for method, target in requests:
        try:
            matches.add(match_of(method, target, keep_secrets=False))
        except Unmatchable:
            continue
    names = {match.name for match in matches}
    assert len(names) == len(matches)
    for name in names:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name)
        assert len(name) <= MAX_NAME + 22
