"""What the tutorial printed: the expectation that every way to run the lab is held against."""

HEADS = {
    "www.163.com": """\
HTTP/1.0 302 Moved Temporarily
Server: Cdn Cache Server V2.0
Date: Sun, 04 Dec 2016 14:31:37 GMT
Content-Length: 0
Location: http://www.163.com/special/0077jt/error_isp.html
Connection: close
""",
    "www.sohu.com": """\
HTTP/1.1 200 OK
Content-Type: text/html
Content-Length: 92426
Connection: close
Date: Sun, 04 Dec 2016 14:29:51 GMT
Server: SWS
Vary: Accept-Encoding
Cache-Control: no-transform, max-age=120
Expires: Sun, 04 Dec 2016 14:31:51 GMT
Last-Modified: Sun, 04 Dec 2016 14:19:13 GMT
Content-Encoding: gzip
X-RS: 10511343.19686393.11189627
FSS-Cache: HIT from 8162289.14912507.8916056
FSS-Proxy: Powered by 2788255.4164521.3541940
""",
    "www.sina.com.cn": """\
HTTP/1.1 200 OK
Server: nginx
Date: Sun, 04 Dec 2016 14:31:37 GMT
Content-Type: text/html
Last-Modified: Sun, 04 Dec 2016 14:30:57 GMT
Vary: Accept-Encoding
Expires: Sun, 04 Dec 2016 14:32:37 GMT
Cache-Control: max-age=60
X-Powered-By: shci_v1.03
X-Cache: MISS from cernet194-227.sina.com.cn
Connection: close
""",
}

DIALOGUE = "".join(
    f"[PRODUCER] Producing {n}...\n[CONSUMER] Consuming {n}...\n[PRODUCER] Consumer return: 200 OK\n"
    for n in range(1, 6)
)


def printed_head(host: str) -> str:
    """Return a host's head as the tutorial's wget prints it."""
    return "".join(f"{host} header > {line}\n" for line in HEADS[host].splitlines())


def check_wget(text: str, *hosts: str) -> None:
    """Check that `text` is what a wget of `hosts` prints: the starts in order, then each head in one piece."""
    starts = "".join(f"wget {host}...\n" for host in hosts)
    rest = text.removeprefix(starts)
    assert rest != text, f"does not begin with {starts!r}: {text!r}"
    for host in hosts:
        assert rest.count(printed_head(host)) == 1
        rest = rest.replace(printed_head(host), "")
    assert not rest
