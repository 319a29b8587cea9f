"""RFC 3986, section 5: the meaning of a reference at a base, by the RFC's own examples and its own algorithm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.url.reference import resolve, split, without_dot_segments

BASE = "http://a/b/c/d;p?q"
NORMAL = {  # section 5.4.1
    "g:h": "g:h",
    "g": "http://a/b/c/g",
    "./g": "http://a/b/c/g",
    "g/": "http://a/b/c/g/",
    "/g": "http://a/g",
    "//g": "http://g",
    "?y": "http://a/b/c/d;p?y",
    "g?y": "http://a/b/c/g?y",
    "#s": "http://a/b/c/d;p?q#s",
    "g#s": "http://a/b/c/g#s",
    "g?y#s": "http://a/b/c/g?y#s",
    ";x": "http://a/b/c/;x",
    "g;x": "http://a/b/c/g;x",
    "g;x?y#s": "http://a/b/c/g;x?y#s",
    "": "http://a/b/c/d;p?q",
    ".": "http://a/b/c/",
    "./": "http://a/b/c/",
    "..": "http://a/b/",
    "../": "http://a/b/",
    "../g": "http://a/b/g",
    "../..": "http://a/",
    "../../": "http://a/",
    "../../g": "http://a/g",
}
ABNORMAL = {  # section 5.4.2
    "../../../g": "http://a/g",
    "../../../../g": "http://a/g",
    "/./g": "http://a/g",
    "/../g": "http://a/g",
    "g.": "http://a/b/c/g.",
    ".g": "http://a/b/c/.g",
    "g..": "http://a/b/c/g..",
    "..g": "http://a/b/c/..g",
    "./../g": "http://a/b/g",
    "./g/.": "http://a/b/c/g/",
    "g/./h": "http://a/b/c/g/h",
    "g/../h": "http://a/b/c/h",
    "g;x=1/./y": "http://a/b/c/g;x=1/y",
    "g;x=1/../y": "http://a/b/c/y",
    "g?y/./x": "http://a/b/c/g?y/./x",
    "g?y/../x": "http://a/b/c/g?y/../x",
    "g#s/./x": "http://a/b/c/g#s/./x",
    "g#s/../x": "http://a/b/c/g#s/../x",
    "http:g": "http:g",
}


@pytest.mark.parametrize(("reference", "target"), (NORMAL | ABNORMAL).items())
def test_the_examples_of_the_rfc(reference: str, target: str) -> None:
    """Strictly: `http:g` is a URI of its own."""
    assert resolve(split(BASE), split(reference)).text == target


@pytest.mark.parametrize(
    ("base", "reference", "target"),
    [
        ("http://a//b//c", "d", "http://a//b//d"),
        ("http://a//b//c", "../d", "http://a//b/d"),
        ("http://a/", "x//y", "http://a/x//y"),
        ("http://a", "x", "http://a/x"),
        ("http://a?q", "x", "http://a/x"),
        ("http://a/b", "///c/d", "http:///c/d"),
        ("http://a/b", "/", "http://a/"),
        ("http://a/b", "?", "http://a/b?"),
    ],
)
def test_empty_segments_and_empty_parts_are_kept(base: str, reference: str, target: str) -> None:
    """A part that is empty is there; one that is missing is not."""
    assert resolve(split(base), split(reference)).text == target


@given(st.text("/.ag:?#"))
def test_a_reference_is_its_parts(text: str) -> None:
    """Nothing is lost by taking it apart (section 5.3)."""
    assert split(text).text == text


def literally(path: str) -> str:
    """Remove dot segments step by step, as section 5.2.4 tells it."""
    out = ""
    while path:
        if path.startswith(("../", "./")):
            path = path.partition("/")[2]
        elif path.startswith("/./") or path == "/.":
            path = "/" + path[3:]
        elif path.startswith("/../") or path == "/..":
            path, out = "/" + path[4:], out.rpartition("/")[0]
        elif path in (".", ".."):
            path = ""
        else:
            end = path.find("/", 1)
            end = len(path) if end < 0 else end
            out, path = out + path[:end], path[end:]
    return out


@given(st.lists(st.sampled_from(["/", ".", "..", "a", "//"])).map("".join))
def test_dot_segments_go_as_the_rfc_tells_it(path: str) -> None:
    """One pass over the segments, however many there are, and the RFC's loop over the text."""
    assert without_dot_segments(path) == literally(path)
