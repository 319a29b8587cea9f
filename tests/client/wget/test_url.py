"""Targets as people write them, and Locations as strangers do."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.client.errors import FetchError
from services.client.wget.url import read_target


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("www.163.com", "http://www.163.com/"),
        ("WWW.163.com", "http://www.163.com/"),
        ("host:8080", "http://host:8080/"),
        ("host:80", "http://host/"),
        ("host.", "http://host./"),
        ("_dmarc.host", "http://_dmarc.host/"),
        ("host/a/b?c=d", "http://host/a/b?c=d"),
        ("http://host", "http://host/"),
        ("HTTPS://host:443/x", "https://host/x"),
        ("https://host?q", "https://host/?q"),
        ("http://host/a#fragment", "http://host/a"),
        ("http://host:/", "http://host/"),
        ("127.0.0.1:81", "http://127.0.0.1:81/"),
        ("::1", "http://[::1]/"),
        ("[::1]", "http://[::1]/"),
        ("[::1]:8080", "http://[::1]:8080/"),
        ("http://[2001:DB8::1]/", "http://[2001:db8::1]/"),
        ("0:0::0001", "http://[::1]/"),
        ("[0:0:0:0:0:0:0:1]:81", "http://[::1]:81/"),
        ("新浪.cn", "http://xn--efvx5o.cn/"),
        ("BÜCHER.example:81", "http://xn--bcher-kva.example:81/"),
        ("\u0131.example", "http://xn--cfa.example/"),
        ("\u017f\u212a.example", "http://sk.example/"),
        ("\u017f\u212a\u0130.example", "http://xn--ski-bec.example/"),  # letters whose other case is ASCII
        ("http://host/ä", "http://host/%C3%A4"),
        ("http://host/a%20b", "http://host/a%20b"),
    ],
)
def test_a_target_becomes_a_url(text: str, url: str) -> None:
    """Names in A-labels, hosts in lower case, ports left out where they go without saying."""
    assert read_target(text).text == url


HOSTS = st.text(st.sampled_from("aikS01.-_:/[]@?#%\\\u0131\u0130\u017f\u212a\u00df\u3002\u0660\uff11\u200d\u00e9"))


@settings(deadline=None)
@given(text=st.one_of(st.text(), HOSTS, HOSTS.map("https://".__add__)), location=st.binary())
def test_what_is_a_url_can_be_asked(text: str, location: bytes) -> None:
    """Whatever is given: a URL in ASCII, which means the same when it is read again, or `usage`."""
    with suppress(FetchError):
        url = read_target(text)
        assert url.text.isascii()
        assert read_target(url.text) == url
        assert url.join(location).text.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a\x00b",
        "a\tb",
        "a\x7fb",
        "x" * 5_000,
        "-host",
        "host-.x",
        "a..b",
        "x" * 64 + ".com",
        ".".join(["x" * 60] * 5),
        "host:0",
        "host:65536",
        "host:http",
        "host:80:80",
        "http://",
        "http:///path",
        "http:/path",
        "HTTPS:/host/",
        "ftp://host",
        "file:///etc/passwd",
        "javascript://host",
        "http://user@host",
        "http://user:password@host",
        "[::1",
        "[::g]",
        "[127.0.0.1]",
        "http://[::1]x/",
        "fe80::1%eth0",
        "xn--\u00fc",
        "\u00ad",
        "ho\\st",
        "1:2:3:4:5:6:7:8:9",
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(text: str) -> None:
    """Nothing is guessed, and the detail shows the target, escaped and cut."""
    with pytest.raises(FetchError) as refused:
        read_target(text)
    assert refused.value.kind == "usage"
    assert len(refused.value.detail) < 400
    assert refused.value.detail.isprintable()


@pytest.mark.parametrize(
    ("base", "location", "url"),
    [
        ("http://a/b/c?d", b"e", "http://a/b/e"),
        ("http://a/b/c?d", b"/e", "http://a/e"),
        ("http://a/b/c?d", b"?e", "http://a/b/c?e"),
        ("http://a/b/c?d", b"../../../e", "http://a/e"),
        ("http://a/b/c", b"//e:81/f", "http://e:81/f"),
        ("http://a/b/c", b"HTTPS://E/f#g", "https://e/f"),
        ("https://a:8443/", b"b", "https://a:8443/b"),
        ("http://a/", b"", "http://a/"),
        ("http://a/", b"  /b  ", "http://a/b"),
        ("http://a/", b"/a b", "http://a/a%20b"),
        ("http://a/", b'/"<>\\^`{|}\x1b', "http://a/%22%3C%3E%5C%5E%60%7B%7C%7D%1B"),
        ("http://a/", b"/caf\xe9", "http://a/caf%E9"),
        ("http://a/", "/新".encode(), "http://a/%E6%96%B0"),
        ("http://[::1]:81/x", b"y", "http://[::1]:81/y"),
    ],
)
def test_a_location_is_resolved(base: str, location: bytes, url: str) -> None:
    """RFC 3986, section 5; bytes beyond ASCII are percent-encoded as they came."""
    assert read_target(base).join(location).text == url


@pytest.mark.parametrize(
    "location",
    [
        b"ftp://x/",
        b"javascript:alert(1)",
        b"http://[::1",
        b"//user@host/",
        b"http://\xff/",
        b"http://",
        b"HTTP:///x",
        b"/" * 8_001,
    ],
)
def test_a_location_that_leads_nowhere_is_refused(location: bytes) -> None:
    """Only http and https are followed."""
    with pytest.raises(FetchError):
        read_target("http://a/").join(location)


def test_a_port_of_its_own_is_in_the_host_field() -> None:
    """RFC 9110, section 7.2."""
    assert read_target("https://host:444").authority == "host:444"
    assert read_target("https://[::1]").authority == "[::1]"
