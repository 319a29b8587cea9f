"""What a recording keeps of a head that holds credentials."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.record.secrets import mask

CASES = {
    "cookie: the value, not the name or the attributes": (
        b"Set-Cookie: sid=abc123; Path=/; Expires=Wed, 09 Jun 2027 10:18:14 GMT; HttpOnly; SameSite=Lax",
        b"Set-Cookie: sid=xxxxxx; Path=/; Expires=Wed, 09 Jun 2027 10:18:14 GMT; HttpOnly; SameSite=Lax",
    ),
    "cookie without a name": (b"Set-Cookie: abc123", b"Set-Cookie: xxxxxx"),
    "cookie: quotes keep their place": (b'Set-Cookie: a="b c"; Secure', b'Set-Cookie: a="x x"; Secure'),
    "cookie: two in one field": (
        b"Set-Cookie: a=1; Path=/, b=22; Secure",
        b"Set-Cookie: a=x; xxxxxxx xxxx; Secure",
    ),
    "cookie: an unknown attribute": (b"Set-Cookie: a=1; id=77", b"Set-Cookie: a=x; xxxxx"),
    "any case": (b"sEt-cOOkie:a=1", b"sEt-cOOkie:a=x"),
    "basic challenge": (b'WWW-Authenticate: Basic realm="the lab"', b'WWW-Authenticate: Basic realm="the lab"'),
    "digest challenge": (
        b'WWW-Authenticate: Digest realm="lab", nonce="d c=d,9", opaque=5ccc, qop="auth", Basic realm=x',
        b'WWW-Authenticate: Digest realm="lab", nonce="x xxxxx", opaque=xxxx, qop="auth", Basic realm=x',
    ),
    "token of a challenge": (b"Proxy-Authenticate: Negotiate YII=", b"Proxy-Authenticate: Negotiate xxxx"),
    "unknown scheme": (b"WWW-Authenticate: Odd a=1", b"WWW-Authenticate: Odd a=x"),
    "authorization sent back": (b"Authorization: Bearer e.y.J", b"Authorization: Bearer xxxxx"),
    "authorization without a scheme": (b"Authorization: hunter2", b"Authorization: xxxxxxx"),
    "authentication info": (
        b'Authentication-Info: nextnonce="47", qop=auth, rspauth="6"',
        b'Authentication-Info: nextnonce="xx", qop=auth, rspauth="x"',
    ),
    "a key by its field's name": (b"X-Api-Key: k-1 2", b"X-Api-Key: xxx x"),
    "a token by its field's name": (b"X-CSRF-Token:\tabc", b"X-CSRF-Token:\txxx"),
    "a key of a cache is no credential": (b"Surrogate-Key: a b", b"Surrogate-Key: a b"),
    "a key is its last word": (b"X-Monkey: a\r\nX-Keyword: b\r\nX-Key: c", b"X-Monkey: a\r\nX-Keyword: b\r\nX-Key: x"),
    "an author is no credential": (b"X-Author: Ann", b"X-Author: Ann"),
    "nor is what CORS allows": (
        b"Access-Control-Allow-Credentials: true",
        b"Access-Control-Allow-Credentials: true",
    ),
    "token in a URL": (
        b"Location: https://a.example/cb?code=77&lang=en&access_token=abc#id_token=d.e",
        b"Location: https://a.example/cb?code=xx&lang=en&access_token=xxx#id_token=xxx",
    ),
    "password in a URL": (
        b"Link: <https://ann:pw@a.example/>; rel=next",
        b"Link: <https://xxxxxx@a.example/>; rel=next",
    ),
    "password in a URL without a scheme": (b"Location: //ann:pw@a.example/", b"Location: //xxxxxx@a.example/"),
    "password in a URL inside a URL": (
        b"Location: /in?to=https%3A%2F%2Fann%3Apw%40a.example%2F&page=2",
        b"Location: /in?to=https%3A%2F%2Fxxxxxxxx%40a.example%2F&page=2",
    ),
    "token in a URL inside a URL": (
        b"Location: /in?to=%2Fout%3Fsig%3Dab%26page%3D2",
        b"Location: /in?to=%2Fout%3Fsig%3Dxx%26page%3D2",
    ),
    "session in a path": (b"Location: /a;jsessionid=77?x=1", b"Location: /a;jsessionid=xx?x=1"),
    "folded line": (b"Set-Cookie: a=12\r\n 34; Path=/", b"Set-Cookie: a=xx\r\n xx; Path=/"),
    "bare LF": (b"Set-Cookie: a=1\nX-Token: b", b"Set-Cookie: a=x\nX-Token: x"),
    "behind a bare CR": (b"Age: 1\rSet-Cookie: a=1", b"Age: 1\rSet-Cookie: a=x"),
    "space before the colon": (b"Set-Cookie : a=1", b"Set-Cookie : a=x"),
    "bytes that are no text": (b"X-Secret: \xff\x00\x80", b"X-Secret: xxx"),
    "status line": (b"HTTP/1.1 200 token: ok", b"HTTP/1.1 200 token: ok"),
    "what is no credential": (
        b'Server: nginx\r\nETag: "abc"\r\nVia: 1.1 x',
        b'Server: nginx\r\nETag: "abc"\r\nVia: 1.1 x',
    ),
}


@pytest.mark.parametrize(("came", "kept"), CASES.values(), ids=CASES)
def test_credentials_are_masked_at_the_same_length(came: bytes, kept: bytes) -> None:
    """A reader of a recording sees that there was a secret, and not which."""
    assert mask(came + b"\r\n")[0] == kept + b"\r\n"


def test_what_was_masked_is_named_with_its_size() -> None:
    """The sidecar says which fields are not as they came."""
    _, secrets = mask(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=123\r\nServer: x\r\nset-cookie: b=\r\nX-Api-Key: 12 34\r\n\r\n"
    )
    assert [(secret.field, secret.secret_bytes) for secret in secrets] == [("Set-Cookie", 3), ("X-Api-Key", 4)]


@given(
    st.binary(max_size=300), st.sampled_from([b"Set-Cookie: ", b"WWW-Authenticate: ", b"Location: ", b"X-Token: ", b""])
)
def test_length_and_line_ends_never_change(value: bytes, name: bytes) -> None:
    """Offsets in a recording are those of the response: faults are placed by them."""
    came = b"HTTP/1.1 200 OK\r\n" + name + value + b"\r\n\r\n"
    kept, _ = mask(came)
    assert len(kept) == len(came)
    assert [i for i, byte in enumerate(came) if byte in b"\r\n"] == [
        i for i, byte in enumerate(kept) if byte in b"\r\n"
    ]


@given(st.from_regex(rb"[A-Za-z0-9+/]{12,40}", fullmatch=True))
def test_a_cookies_value_is_nowhere_in_what_is_kept(secret: bytes) -> None:
    """A cookie's value is masked in any syntax, and in every place."""
    for dressed in (b"id=%b", b"%b", b'id="%b"', b"id=1; a=%b", b"id=1; Path=/, b=%b", b"id = %b ; Secure"):
        assert secret not in mask(b"Set-Cookie: " + dressed % secret + b"\r\n\r\n")[0]


EVIL = {
    "equals": b"=" * 200_000,
    "quotes": b'"' * 200_000,
    "parameters": b"a=" * 100_000,
    "queries": b"?token=" * 30_000,
    "marks": b"?a" * 100_000,
    "passwords": b"://" * 70_000,
    "encoded passwords": b"%2F%2Fa" * 30_000,
    "blanks": b" \t" * 100_000,
    "cookies": b"a;" * 100_000,
    "words": b"a " * 100_000,
}


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
@pytest.mark.parametrize("name", [b"Set-Cookie", b"WWW-Authenticate", b"Location", b"X-Token"])
def test_a_value_as_large_as_a_head_is_read_in_one_pass(name: bytes, evil: bytes) -> None:
    """The test's own time limit fails it if a pattern tries again and again."""
    mask(name + b": " + evil + b"\r\n")
