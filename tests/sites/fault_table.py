"""Every fault that a script performs, and what a peer must get: the bytes that `client faults kinds` names, as code.

`expected` makes the bytes from a recording's head and body. `end`: "fin", "rst", "silence" (nothing, until the peer
leaves), "kept" (the next request is answered), or "recorded" (as without a fault).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Literal

Ends = Literal["fin", "rst", "silence", "kept", "recorded"]
SEED = 7


@dataclass(frozen=True, slots=True)
class Case:
    """A rule, and what it must do to a response."""

    fault: str
    expected: Callable[[bytes, bytes], bytes]
    end: Ends
    parameters: dict[str, object] = field(default_factory=dict)

    @property
    def plan(self) -> list[dict[str, object]]:
        """The plan that applies to the first exchange only."""
        return [{"fault": self.fault, "first": 1, "seed": SEED, **self.parameters}]


def put_in(lines: bytes) -> Callable[[bytes, bytes], bytes]:
    """Return a head with lines inserted after its first."""

    def expected(head: bytes, body: bytes) -> bytes:
        first, newline, rest = head.partition(b"\n")
        return first + newline + lines + rest + body

    return expected


def whole(head: bytes, body: bytes) -> bytes:
    """Return the response as recorded."""
    return head + body


def cut(offset: int) -> Callable[[bytes, bytes], bytes]:
    """Return the first bytes of the head alone."""
    return lambda head, _body: head[:offset]


def bad_status_line(head: bytes, body: bytes) -> bytes:
    """Return the response with a status that is no number."""
    return b"HTTP/1.1 2x0 OK\r\n" + head.partition(b"\n")[2] + body


CASES = {
    "delay": Case("delay", whole, "recorded", {"seconds": 0.02}),
    "delay in the head": Case("delay", whole, "recorded", {"seconds": 0.02, "bytes": 17}),
    "delay uniform": Case("delay", whole, "recorded", {"distribution": "uniform", "least_s": 0.001, "most_s": 0.02}),
    "delay lognormal": Case("delay", whole, "recorded", {"distribution": "lognormal", "median_s": 0.005, "sigma": 0.5}),
    "drip": Case("drip", whole, "recorded", {"bytes": 4096, "interval_s": 0.001}),
    "drip by byte": Case("drip", whole, "recorded", {"bytes": 61, "interval_s": 0.001}),
    "throttle": Case("throttle", whole, "recorded", {"bytes_per_s": 1_000_000}),
    "stall_at 0": Case("stall_at", cut(0), "silence", {"bytes": 0}),
    "stall_at 40": Case("stall_at", cut(40), "silence", {"bytes": 40}),
    "fin_at 0": Case("fin_at", cut(0), "fin", {"bytes": 0}),
    "fin_at 40": Case("fin_at", cut(40), "fin", {"bytes": 40}),
    "rst_at 0": Case("rst_at", cut(0), "rst", {"bytes": 0}),
    "rst_at 1": Case("rst_at", cut(1), "rst", {"bytes": 1}),
    "rst_at 40": Case("rst_at", cut(40), "rst", {"bytes": 40}),
    "garbage": Case(
        "garbage", lambda _head, _body: b"\xff" + Random(f"{SEED}/1").randbytes(299), "fin", {"bytes": 300}
    ),
    "bad_status_line": Case("bad_status_line", bad_status_line, "fin"),
    "missing_colon": Case("missing_colon", put_in(b"X-Lab-Fault no colon\r\n"), "fin"),
    "nul": Case("nul", put_in(b"X-Lab-Fault: a\0b\r\n"), "fin"),
    "bare_cr": Case("bare_cr", put_in(b"X-Lab-Fault: a\rb\r\n"), "fin"),
    "bare_lf": Case("bare_lf", lambda head, body: head.replace(b"\r\n", b"\n") + body, "fin"),
    "obs_fold": Case("obs_fold", put_in(b"X-Lab-Fault: a\r\n b\r\n"), "fin"),
    "huge_field": Case("huge_field", put_in(b"X-Lab-Fault: " + b"a" * 300_001 + b"\r\n"), "fin", {"bytes": 300_001}),
    "interim_flood": Case(
        "interim_flood",
        lambda head, body: b"HTTP/1.1 103 Early Hints\r\n\r\n" * 500 + head + body,
        "recorded",
        {"count": 500},
    ),
    "conflicting_length": Case("conflicting_length", put_in(b"Content-Length: 5\r\nContent-Length: 6\r\n"), "fin"),
    "http09": Case("http09", lambda _head, body: body, "fin"),
    "status": Case(
        "status",
        lambda _head, _body: b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n",
        "kept",
        {"status": 503, "retry_after_s": 120},
    ),
    "status without a name": Case(
        "status", lambda _head, _body: b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", "kept", {"status": 299}
    ),
    "redirect_loop": Case(
        "redirect_loop",
        lambda _head, _body: b"HTTP/1.1 302 Found\r\nLocation: /lab-loop/1\r\nContent-Length: 0\r\n\r\n",
        "kept",
        {"hops": 3},
    ),
    "accept_then_silent": Case("accept_then_silent", cut(0), "silence"),
    "accept_then_close": Case("accept_then_close", cut(0), "fin"),
}

ELSEWHERE = {"endless_head", "refuse", "tls_stall", "tls_expired", "tls_wrong_name", "tls_self_signed"}
"""Faults that do not send a fixed string of bytes; each has a test of its own."""
