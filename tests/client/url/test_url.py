"""Targets as people write them, and Locations as servers write them: for surveys and recordings, compared with curl."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.client.errors import FetchError
from services.client.record.fetch_request import request_bytes, source_of
from services.client.url.url import read_target
from tests.client.raw_servers import plain_server


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
        ("faß.test", "http://xn--fa-hia.test/"),
        ("☃.test", "http://xn--n3h.test/"),
        ("http://%41.test/", "http://a.test/"),
        ("fa%C3%9F.test", "http://xn--fa-hia.test/"),
        ("http://a%2eb.test:81/%2e", "http://a.b.test:81/%2e"),
        ("http://host/\u200b", "http://host/%E2%80%8B"),
        ("http://ex\u00adample.test/", "http://example.test/"),
        ("http://10.0.0.0/30", "http://10.0.0.0/30"),
        ("10.0.0.1/path", "http://10.0.0.1/path"),
        ("10.0.0.1/33", "http://10.0.0.1/33"),
        ("10.0.0.1/24?x", "http://10.0.0.1/24?x"),
        ("host/24", "http://host/24"),
        ("1.2.3.4-static.isp.test", "http://1.2.3.4-static.isp.test/"),
        ("2130706433", "http://2130706433/"),
        ("0x7f000001", "http://0x7f000001/"),
        ("127.1", "http://127.1/"),
        ("0.0.0.0:81", "http://0.0.0.0:81/"),
        ("0x.test", "http://0x.test/"),
        ("10-5", "http://10-5/"),
        ("10-0-0-1.isp.test:80", "http://10-0-0-1.isp.test/"),
        ("10.0.0.0/30/", "http://10.0.0.0/30/"),
        ("10.0.0.0:8080/30?x", "http://10.0.0.0:8080/30?x"),
        ("http://10.0.0.0:8080/30", "http://10.0.0.0:8080/30"),
        ("host:8080/30", "http://host:8080/30"),
        ("http://0/", "http://0/"),
        ("http://443/", "http://443/"),
        ("host/?u=http://x", "http://host/?u=http://x"),
        ("http://host/x?", "http://host/x?"),
        ("host?", "http://host/?"),
        ("host/x?#y", "http://host/x?"),
        ("10.0.0.0/30?", "http://10.0.0.0/30?"),
        ("http://host//a//../b", "http://host//a//../b"),
        ("http://host/a%20b", "http://host/a%20b"),
    ],
)
def test_a_target_becomes_a_url(text: str, url: str) -> None:
    """Names in A-labels, hosts in lower case, ports left out where they go without saying."""
    assert read_target(text).text == url


HOSTS = st.text(st.sampled_from("aikS01.-_:/[]@?#%\\\u0131\u0130\u017f\u212a\u00df\u3002\u0660\uff11\u200d\u00e9"))


@settings(deadline=None)
@given(text=st.one_of(st.text(), HOSTS, HOSTS.map("https://".__add__)), location=st.binary())
def test_a_target_is_a_url_or_a_usage_error(text: str, location: bytes) -> None:
    """Of any input: a URL in ASCII that is the same when it is read again, or `usage`."""
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
        "\u2469" * 4_000,
        "." * 4_000,
        ":" * 4_000,
        "-." * 2_000,
        "9" * 4_000,
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
        ("http://a/", b'/"<>^`\x1b\x7f{|}', "http://a/%22%3C%3E%5E%60%1B%7F%7B%7C%7D"),
        ("http://a/", b"/x?\\#\\", "http://a/x?%5C"),
        ("http://a/b?c", b"?", "http://a/b?"),
        ("http://a/b/c?d", b"g?", "http://a/b/g?"),
        ("http://a/b/c?d", b"g?#x", "http://a/b/g?"),
        ("http://a/b", b"//g?", "http://g/?"),
        ("http://a/b?", b"", "http://a/b?"),
        ("http://a/b?", b"#d", "http://a/b?"),
        ("http://a/b?", b"c", "http://a/c"),
        ("http://a/b", b"http://g?#", "http://g/?"),
        ("http://a/b", b"/%2ex/x%2e/%2e%2e%2e/%2e%2ex", "http://a/%2ex/x%2e/%2e%2e%2e/%2e%2ex"),
        ("http://a/b", b"/x?/%2e%2e/y", "http://a/x?/%2e%2e/y"),
        ("http://a/%2e%2e/b", b"/c", "http://a/c"),
        ("http://a/", b"/caf\xe9", "http://a/caf%E9"),
        ("http://a/", "/新".encode(), "http://a/%E6%96%B0"),
        ("http://[::1]:81/x", b"y", "http://[::1]:81/y"),
        ("http://a/", b"x//y", "http://a/x//y"),
        ("http://a//b//c", b"d", "http://a//b//d"),
        ("http://a//b/c", b"../d", "http://a//d"),
        ("http://a/b/c", b"http://a/d/../e", "http://a/e"),
        ("http://a/", b"www.b/x", "http://a/www.b/x"),
        ("http://a/", b"/x?u=http:\\\\y", "http://a/x?u=http:%5C%5Cy"),
        ("http://a/", b"/%09", "http://a/%09"),
        ("http://a/b?c", b"#d", "http://a/b?c"),
        ("http://a/", "http://bücher.test/ü".encode(), "http://xn--bcher-kva.test/%C3%BC"),
        ("http://a/", "//faß.test".encode(), "http://xn--fa-hia.test/"),
        ("http://a/", b"http://fa%C3%9F.test/", "http://xn--fa-hia.test/"),
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
        b"http:/one",
        b"https:/one/two",
        b"http:one",
        b"http:",
        b"http:?x",
        b"//",
        b"///host/one",
        b"////host/one",
        b"http:////host",
        b"http:\\\\host\\one",
        b"http:/\\host",
        b"\\\\host\\one",
        b"/\\host/one",
        b"\\/host/one",
        b"\\one",
        b"..\\one",
        b"one\\two",
        b"/one/\\two",
        b"/one\\",
        b"/o\\ne",
        b"//ho\\st/",
        b"http://host\\@other/",
        b"/a\tb",
        b"ht\ttp://host/",
        b"http://ho\x01st/",
        b"http://ho st/",
        b"http://ho%00st/",
        b"\xef\xbb\xbfhttp://host/",
        b"1:2",
        b"http://host:x/",
        b"http://host:0/",
        b"http://%ff/",
        b"%2e%2e/g",
        b"/x/%2E.",
        b"/x/.%2e/y",
        b"/x/%2e/y",
        b"%2e",
        b"x/%2e%2E?q",
        b"%2e%2e/../g",
        b"http://b/x/%2e%2e/y",
        b"/x\\%2e%2e/y",
        b"\x0c/x",
        b"\x00/x",
        b"/x\x0b",
        b" \x1f /x",
        b"/x#y\x01 ",
        b"/x\ry",
        b"/x\n",
    ],
)
def test_a_location_that_leads_nowhere_is_refused(location: bytes) -> None:
    """Only http and https are followed, and only what browsers and curl do not read differently."""
    with pytest.raises(FetchError):
        read_target("http://a/").join(location)


def test_encoded_dots_of_the_place_itself_are_no_way_either() -> None:
    """Browsers followed them there already, so that what is relative leads them elsewhere."""
    with pytest.raises(FetchError, match="dot segment"):
        read_target("http://a/b/%2e%2e/c").join(b"d")


HINTED = {
    "443": "port 443 of a host is host:443",
    "0443": "port 443 of a host is host:443",
    "80.": "port 80 of a host is host:80",
    "8080/": "port 8080 of a host is host:8080",
    "\uff14\uff14\uff13": "port 443 of a host is host:443",
    "10.0.0.0/30": "a network (CIDR) is no host",
    "10.0.0.0/0": "a network (CIDR) is no host",
    "10.0/16": "a network (CIDR) is no host",
    "10.0.0.0/255.255.255.0": "a network (CIDR) is no host",
    "\uff11\uff10.0.0.0/8": "a network (CIDR) is no host",
    "2001:db8::/32": "a network (CIDR) is no host",
    "[2001:db8::]/32": "a network (CIDR) is no host",
    "::/0": "a network (CIDR) is no host",
    "10.0.0.1-10.0.0.9": "a range of addresses is no host",
    "0": "a number alone is no host; an address has four parts",
    "00.": "a number alone is no host",
    "0:8080": "a number alone is no host",
    "70000": "a number alone is no host; an address has four parts",
    "077777777": "a number alone is no host",
    "0x1bb": "port 443 of a host is host:443",
    "0X1BB:80": "port 443 of a host is host:443",
    "%34%34%33": "port 443 of a host is host:443",
    "\u0664\u0664\u0663": "port 443 of a host is host:443",
    "\u0968\u0967\u0969\u0966\u096d\u0966\u0966\u096a\u0969\u0969": "a number alone is no host",
    "10.0.0.0:8080/30": "a network (CIDR) is no host",
    "10.0.0.0/30:8080": "a network (CIDR) is no host",
    "10.0/16:80": "a network (CIDR) is no host",
    "10.0.0.0:80/255.255.255.0": "a network (CIDR) is no host",
    "[2001:db8::]:443/32": "(http://[2001:db8::]:443/32 is the path)",
    "[2001:db8::]/32:443": "a network (CIDR) is no host",
    "[2001:db8::/32]:443": "a network (CIDR) is no host",
    "\u0661\u0660.0.0.0/\u0663\u0660": "a network (CIDR) is no host",
    "10.0.0.1-5:8080": "a range of addresses is no host",
    "10.0.0.1:80-10.0.0.9:80": "a range of addresses is no host",
    "10.0.1-5.7": "a range of addresses is no host",
    "10-20.0.0.1": "a range of addresses is no host",
    "10.0.1-5": "a range of addresses is no host",
    "10.0.0.1-5/24": "a range of addresses is no host",
    "10.0.0.1\u201310.0.0.9": "a range of addresses is no host",
    "10.0.0.1\u22125": "a range of addresses is no host",
    "10.0.0.1%2d5": "a range of addresses is no host",
    "http://10.0.0.1-5:8080/": "a range of addresses is no host",
    "http://10.0.0.1\u20149/": "a range of addresses is no host",
    "http://10.0.0.1%2D5/": "a range of addresses is no host",
    "10.0.0.*": "a range of addresses is no host",
    "10.*.*.*:80": "a range of addresses is no host",
    "10.0.0.[1-5]": "a range of addresses is no host",
    "10.0.0.{1,5}": "a range of addresses is no host",
    "10.0.0.1,10.0.0.2": "a range of addresses is no host",
    "10.0.0.1..10.0.0.9": "a range of addresses is no host",
    "2001:db8::1-2001:db8::9": "a range of addresses is no host",
    "[2001:db8::1-9]:80": "a range of addresses is no host",
    "10.0.0.1-9": "a range of addresses is no host",
    "\ufeffhttp://host/": "it begins with U+FEFF, which cannot be seen",
    "\u200bhttp://host/": "it begins with U+200B, which cannot be seen",
    "\u2060host": "it begins with U+2060, which cannot be seen",
    "\u00a0host": "it begins with U+00A0, which cannot be seen",
    "\u00adhttp://host": "it begins with U+00AD, which cannot be seen",
    "\u202ehttp://host": "it begins with U+202E, which cannot be seen",
    "\ufe0fhttp://host": "it begins with U+FE0F, which cannot be seen",
    "http\u200b://host/": "U+200B, which cannot be seen, is in its scheme",
    "ht\u200dtps://host/": "U+200D, which cannot be seen, is in its scheme",
    "\u201chttp://host/\u201d": "before its // is no scheme such as http:",
    "1http://host/": "before its // is no scheme such as http:",
    "http:\\\\host\\one": "before its // is no scheme such as http:",
    "http:/\\host": "before its // is no scheme such as http:",
    "http:\\host": "two slashes belong behind http:",
    "http://ho%st/": "no host name",
    "http://a%2Fb/": "no host name",
    "http://a%3A80/": "no host name",
    "http://a%2541/": "no host name",
    "http://%ff/": "UTF-8",
    f"{'a' * 64}.test": f"a label of a host name has 1 to 63 characters, and one of this has 64: {'a' * 20!r}",
    f"http://x.{'a' * 64}:81/": "a label of a host name has 1 to 63 characters, and one of this has 64",
    f"{'ü' * 60}.test": "a label of a host name has 1 to 63 characters, and one of this has 66: 'xn--",
    f"http://%0a{'a' * 63}/": "and one of this has 64: '\\n",
    "a..test": "a label of a host name has 1 to 63 characters, and one of this has none",
    "http://a.test../": "a label of a host name has 1 to 63 characters, and one of this has none",
    "http://a\u200db.test/": "joiner",
    "http://ab--\u00fc.test/": "hyphens",
    "http://ann:secret@host/": "user names and passwords are not sent",
}


@pytest.mark.parametrize(("text", "hint"), HINTED.items(), ids=map(ascii, HINTED))
def test_what_could_mean_two_things_is_refused_with_a_hint(text: str, hint: str) -> None:
    """For the survey and for a recording alike."""
    for read in (read_target, source_of):
        with pytest.raises(FetchError) as refused:
            read(text)
        assert refused.value.kind == "usage"
        assert refused.value.detail.startswith(f"{text!r} is not ")
        assert hint in refused.value.detail


LONGEST = ".".join(["a" * 61, "b" * 63, "c" * 63, "d" * 63])


@pytest.mark.parametrize("form", ["a{}", "http://a{}", "A{}:81/"])
def test_a_name_that_is_too_long_is_refused_with_the_limit(form: str) -> None:
    """RFC 1035, section 2.3.4; the dot of the root is not counted."""
    for dot in ("", "."):
        with pytest.raises(FetchError, match="a host name has at most 253 characters in ASCII, and this has 254"):
            read_target(form.format(LONGEST + dot))


@pytest.mark.parametrize("name", ["a" * 63 + ".test", LONGEST, f"{LONGEST}."], ids=["label", "name", "with the root"])
def test_the_longest_names_are_names(name: str) -> None:
    """RFC 1035, section 2.3.4; the dot of the root is not counted."""
    assert read_target(name).host == read_target(f"http://{name}/").host == name


@contextmanager
def bind_socket() -> Iterator[tuple[int, list[bytes]]]:
    """Answer every request with an empty 200; yields the port, and the requests that will have come."""
    requests: list[bytes] = []

    def answer(connected: socket.socket) -> None:
        requests.append(connected.recv(65_536))
        connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with plain_server(answer) as address:
        yield address[1], requests


AS_CURL = [
    "http://host.test/",
    "http://faß.test/",
    "http://☃.test/",
    "http://💩.test",
    "http://bücher.test:81/a?b",
    "http://fa%C3%9F.test/",
    "http://b%c3%bccher.test/x",
    "http://a%2eb.test/",
    "http://host.test./",
    "http://ex\u00adample.test/",
    "http://\u200bhost.test/",
    "http://_ä.test/",
    "http://a_b.ü/",
    "http://a\u3002b/",
    "http://\uff41.test/",
    "http://host.test/ä/é?o",
    "http://host.test/a%20b/%zz",
    "http://a%20b.test/",
    "http://a%2Fb.test/",
    "http://a%00b/",
    "http://%ff.test/",
    "http://host.test/a b",
    "http://xn--ü.test/",
    "http://-ü.test/",
]


def has_fit_curl() -> bool:
    """Return whether there is a curl that knows international names, and that they may be percent-encoded."""
    if shutil.which("curl") is None:
        return False
    told = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=False).stdout
    major, minor = told.split()[1].split(".")[:2]
    return "IDN" in told.split() and (int(major), int(minor)) >= (7, 88)


@pytest.mark.skipif(not has_fit_curl(), reason="no curl here that reads international names")
def test_a_url_is_read_as_curl_reads_it() -> None:
    """The same host and path are asked for, or both refuse; how curl writes hexadecimal digits is its own."""
    with bind_socket() as (port, requests):
        for url in AS_CURL:
            requests.clear()
            subprocess.run(
                ["curl", "-s", "-g", "--max-time", "20", "--noproxy", "*", "--connect-to", f"::127.0.0.1:{port}", url],
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                check=False,
            )
            theirs = requests[0].split(b"\r\n")[:2] if requests else None
            try:
                ours = request_bytes(read_target(url), []).split(b"\r\n")[:2]
            except FetchError:
                ours = None
            assert (ours and [line.lower() for line in ours]) == (theirs and [line.lower() for line in theirs]), url


@pytest.mark.parametrize("text", ["faß.test", "☃.test", "fa%C3%9F.test", "新浪.cn", "xn--fa-hia.test", "HOST.test:81"])
def test_a_recording_is_of_the_host_that_a_survey_asks(text: str) -> None:
    """One reader for both."""
    assert source_of(text) == read_target(text)


def test_a_port_of_its_own_is_in_the_host_field() -> None:
    """RFC 9110, section 7.2."""
    assert read_target("https://host:444").authority == "host:444"
    assert read_target("https://[::1]").authority == "[::1]"
