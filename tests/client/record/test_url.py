"""Which URLs can be recorded, and the bytes of the request."""

import pytest

from services.client.errors import FetchError
from services.client.record.fetch_request import read_field, request_bytes, source_of

USUAL = "\r\nUser-Agent: asynclab\r\nAccept: */*\r\n\r\n"
ASKED = {
    "www.163.com": ("www.163.com", 80, "GET / HTTP/1.1\r\nHost: www.163.com"),
    "http://A.Example/x?y=1#z": ("a.example", 80, "GET /x?y=1 HTTP/1.1\r\nHost: a.example"),
    "https://a.example": ("a.example", 443, "GET / HTTP/1.1\r\nHost: a.example"),
    "https://a.example:80/": ("a.example", 80, "GET / HTTP/1.1\r\nHost: a.example:80"),
    "http://[::1]:8080/": ("::1", 8080, "GET / HTTP/1.1\r\nHost: [::1]:8080"),
    "http://bücher.example/ü": ("xn--bcher-kva.example", 80, "GET /%C3%BC HTTP/1.1\r\nHost: xn--bcher-kva.example"),
    "http://a.example./%2e": ("a.example", 80, "GET /%2e HTTP/1.1\r\nHost: a.example"),
}


@pytest.mark.parametrize(("text", "expected"), ASKED.items(), ids=ASKED)
def test_a_url_is_asked_for_as_a_plain_client_would(text: str, expected: tuple[str, int, str]) -> None:
    """Nothing in the request changes the answer."""
    source = source_of(text)
    assert (source.host, source.port) == expected[:2]
    assert request_bytes(source, []).decode("ascii") == expected[2] + USUAL


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "ftp://a.example/",
        "http://a.example:0/",
        "http://a.example:99999/",
        "http://ann:secret@a.example/",
        "http://a.example/a b",
        b"http://a.example/caf\xe9".decode(errors="surrogateescape"),
        "http://a.example/\r\nX: y",
        "http://a..b/",
        "http://[::1/",
        f"http://{'a' * 300}/",
        "http://-/",
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(text: str) -> None:
    """Before anything is sent."""
    with pytest.raises(FetchError) as caught:
        source_of(text)
    assert caught.value.kind == "usage"


def test_a_field_of_the_command_line_replaces_the_default() -> None:
    """It comes after Host, as given."""
    fields = [read_field("user-agent:  me "), read_field("Accept-Encoding: gzip")]
    lines = request_bytes(source_of("a.example"), fields).decode("ascii").split("\r\n")
    assert lines == [
        "GET / HTTP/1.1",
        "Host: a.example",
        "Accept: */*",
        "user-agent: me",
        "Accept-Encoding: gzip",
        "",
        "",
    ]


@pytest.mark.parametrize("text", ["no colon", "a b: c", ": x", "X: y\r\nZ: w", "X: ü", "X: \0"])
def test_a_line_that_is_no_field_is_wrong_usage(text: str) -> None:
    """A field cannot contain another one."""
    with pytest.raises(FetchError):
        read_field(text)
