"""URI references, split and resolved strictly by RFC 3986: its grammar, and section 5.2 to the letter.

`urllib.parse.urljoin` is older than the RFC and less strict: it takes `http:/one` for a relative reference, loses a
slash of `x//y`, and reads an authority where the base's path has two slashes.
"""

import re
from typing import NamedTuple

REFERENCE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)

SEGMENT = re.compile(r"/[^/]*|[^/]+")


class Reference(NamedTuple):
    """The five parts of a URI or a relative reference. None: the part is absent, while "" is an empty part."""

    scheme: str | None
    authority: str | None
    path: str
    query: str | None
    fragment: str | None

    @property
    def text(self) -> str:
        """The reference as text (section 5.3)."""
        scheme = "" if self.scheme is None else f"{self.scheme}:"
        authority = "" if self.authority is None else f"//{self.authority}"
        query = "" if self.query is None else f"?{self.query}"
        fragment = "" if self.fragment is None else f"#{self.fragment}"
        return scheme + authority + self.path + query + fragment


def split(text: str) -> Reference:
    """Return the parts of a reference (appendix B); every text can be split."""
    found = REFERENCE.fullmatch(text)
    assert found is not None  # noqa: S101 - a path may hold anything
    return Reference(*found.group("scheme", "authority", "path", "query", "fragment"))


def resolve(base: Reference, reference: Reference) -> Reference:
    """Resolve a reference against a base URI (section 5.2.2, strict)."""
    scheme, authority, path, query, fragment = reference
    if scheme is not None:
        return Reference(scheme, authority, without_dot_segments(path), query, fragment)
    if authority is not None:
        return Reference(base.scheme, authority, without_dot_segments(path), query, fragment)
    if not path:
        return Reference(base.scheme, base.authority, base.path, base.query if query is None else query, fragment)
    whole = path if path.startswith("/") else merged(base, path)
    return Reference(base.scheme, base.authority, without_dot_segments(whole), query, fragment)


def merged(base: Reference, path: str) -> str:
    """Return the base's path up to its last slash, and then this path (section 5.2.3)."""
    if base.authority is not None and not base.path:
        return f"/{path}"
    before, slash, _ = base.path.rpartition("/")
    return before + slash + path


def without_dot_segments(path: str) -> str:
    """Return a path without the segments `.` and `..`, as they are resolved (section 5.2.4); empty segments stay."""
    segments = SEGMENT.findall(path)
    while segments and segments[0] in (".", ".."):
        segments[:2] = [segment[1:] for segment in segments[1:2]]
    taken: list[str] = []
    for segment in segments:
        if segment == "/..":
            del taken[-1:]
        elif segment != "/.":
            taken.append(segment)
    if segments and segments[-1] in ("/.", "/.."):
        taken.append("/")
    return "".join(taken)
