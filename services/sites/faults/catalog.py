"""Every fault: its name, the stage at which it is injected, its parameters, and the exact bytes that a peer gets.

The texts in `bytes_sent` are the contract: `client faults kinds` prints them, and tests/sites/fault_table.py compares
each with what a socket gets. NOTES explains their terms, and `client faults kinds` prints it too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

from services.sites.faults import endings, malformed, timing
from services.sites.faults.parameters import DELAY, MAX_OFFSET, WHEN, Parameter, offset
from services.sites.faults.script import FaultContext, Script, Value

NOTES = (
    "HEAD and BODY are the recording's; the status line of HEAD is its final head's, after any interim (1xx) ones",
    "byte counts are of what the HTTP client reads: over TLS, of what was encrypted",
    "a fault that needs the host's own port cannot be where hosts share one, as your own hosts do in Compose",
)


class Stage(Enum):
    """The stage at which a fault is injected. The value names what a rule with such a fault counts."""

    LISTEN = "while in force"
    ACCEPT = "connection"
    HANDSHAKE = "TLS handshake"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a site can do wrong.

    `bytes_sent`: what a peer gets, in words, named `oracle` in the admin API. `script` is None for faults of TLS and of
    the port, which send no bytes. `resets`: a RST comes after its parameter `bytes`.
    """

    name: str
    stage: Stage
    bytes_sent: str
    parameters: tuple[Parameter, ...] = ()
    script: Callable[[FaultContext], Script] | None = None
    resets: bool = False

    @property
    def when(self) -> tuple[Parameter, ...]:
        """Which connections or requests get it, as parameters. A closed port sees none, so it has only `ttl_s`."""
        if self.stage is Stage.LISTEN:
            return tuple(each for each in WHEN if each.name == "ttl_s")
        if self.stage is Stage.REQUEST:
            return WHEN
        return tuple(replace(each, choices=("connection",)) if each.name == "per" else each for each in WHEN)

    @property
    def needs_own_port(self) -> bool:
        """Whether it is injected before the host of a connection is known."""
        return self.stage in {Stage.LISTEN, Stage.ACCEPT}

    @property
    def defaults(self) -> Mapping[str, Value]:
        """The default values, of the parameters that have one."""
        return {each.name: each.default for each in self.parameters if each.default is not None}

    @property
    def has_offset(self) -> bool:
        """Whether its `bytes` is a position in the head."""
        return any(each.name == "bytes" and each.most == MAX_OFFSET for each in self.parameters)


_ALL = (
    Fault("delay", Stage.REQUEST, "HEAD[:bytes], a pause, the rest; ends as recorded", DELAY, timing.delay),
    Fault(
        "drip",
        Stage.REQUEST,
        "HEAD BODY, `bytes` bytes every `interval_s`, the first at once; ends as recorded",
        (
            Parameter("bytes", int, "how many at a time", 1, 65_536, 1),
            Parameter("interval_s", float, "from one to the next", 0.001, 3600, 0.1),
        ),
        timing.drip,
    ),
    Fault(
        "throttle",
        Stage.REQUEST,
        "HEAD BODY, at `bytes_per_s`; ends as recorded",
        (Parameter("bytes_per_s", int, "the rate", 1, 1_000_000_000),),
        timing.throttle,
    ),
    Fault("stall_at", Stage.REQUEST, "HEAD[:bytes], then nothing until the peer leaves", (offset(),), timing.stall_at),
    Fault("fin_at", Stage.REQUEST, "HEAD[:bytes], FIN (over TLS, no close_notify)", (offset(),), endings.fin_at),
    Fault(
        "rst_at",
        Stage.REQUEST,
        "HEAD[:bytes], acknowledged by the peer's system, RST",
        (offset(),),
        endings.rst_at,
        resets=True,
    ),
    Fault(
        "garbage",
        Stage.REQUEST,
        r"\xff and `bytes` - 1 random bytes, FIN",
        (Parameter("bytes", int, "how many", 1, 16 * 1024 * 1024, 256),),
        endings.garbage,
    ),
    Fault(
        "bad_status_line",
        Stage.REQUEST,
        r"HEAD with `HTTP/1.1 2x0 OK\r\n` in place of its status line, BODY, FIN",
        script=malformed.bad_status_line,
    ),
    Fault(
        "missing_colon",
        Stage.REQUEST,
        r"HEAD with `X-Lab-Fault no colon\r\n` after its status line, BODY, FIN",
        script=malformed.inserting(b"X-Lab-Fault no colon\r\n"),
    ),
    Fault(
        "nul",
        Stage.REQUEST,
        r"HEAD with `X-Lab-Fault: a\0b\r\n` after its status line, BODY, FIN",
        script=malformed.inserting(b"X-Lab-Fault: a\0b\r\n"),
    ),
    Fault(
        "bare_cr",
        Stage.REQUEST,
        r"HEAD with `X-Lab-Fault: a\rb\r\n` after its status line, BODY, FIN",
        script=malformed.inserting(b"X-Lab-Fault: a\rb\r\n"),
    ),
    Fault("bare_lf", Stage.REQUEST, r"HEAD with every \r\n as \n, BODY, FIN", script=malformed.bare_lf),
    Fault(
        "obs_fold",
        Stage.REQUEST,
        r"HEAD with `X-Lab-Fault: a\r\n b\r\n` after its status line, BODY, FIN",
        script=malformed.inserting(b"X-Lab-Fault: a\r\n b\r\n"),
    ),
    Fault(
        "huge_field",
        Stage.REQUEST,
        r"HEAD with `X-Lab-Fault: aaa...\r\n` after its status line, the value of `bytes` bytes, BODY, FIN",
        (Parameter("bytes", int, "how long the value is", 1, 1 << 30, 1 << 20),),
        malformed.huge_field,
    ),
    Fault(
        "endless_head",
        Stage.REQUEST,
        r"HEAD up to the end of its status line, then `X-Lab-Fault: endless\r\n` for as long as the peer takes it",
        script=malformed.endless_head,
    ),
    Fault(
        "interim_flood",
        Stage.REQUEST,
        r"`count` times `HTTP/1.1 103 Early Hints\r\n\r\n`, HEAD BODY; ends as recorded",
        (Parameter("count", int, "how many", 1, 10_000_000, 1000),),
        malformed.interim_flood,
    ),
    Fault(
        "conflicting_length",
        Stage.REQUEST,
        r"HEAD with `Content-Length: 5\r\nContent-Length: 6\r\n` after its status line, BODY, FIN",
        script=malformed.inserting(b"Content-Length: 5\r\nContent-Length: 6\r\n"),
    ),
    Fault("http09", Stage.REQUEST, "BODY, FIN: no head at all", script=endings.http09),
    Fault(
        "status",
        Stage.REQUEST,
        r"`HTTP/1.1 STATUS Reason\r\n[Retry-After: N\r\n]Content-Length: 0\r\n\r\n`; stays open",
        (
            Parameter("status", int, "the status code", 200, 599),
            Parameter("retry_after_s", int, "the value of Retry-After", 0, 31_536_000, optional=True),
        ),
        endings.status,
    ),
    Fault(
        "redirect_loop",
        Stage.REQUEST,
        r"`HTTP/1.1 302 Found\r\nLocation: /lab-loop/N\r\nContent-Length: 0\r\n\r\n`, N from 1 to `hops` and 1 again; "
        "stays open",
        (Parameter("hops", int, "how many places there are", 1, 100_000, 2),),
        endings.redirect_loop,
    ),
    Fault(
        "accept_then_silent",
        Stage.ACCEPT,
        "no byte, whatever is sent, until the peer leaves",
        script=endings.accept_then_silent,
    ),
    Fault("accept_then_close", Stage.ACCEPT, "no byte, FIN at once", script=endings.accept_then_close),
    Fault("refuse", Stage.LISTEN, "the listening sockets are closed: a connection is refused (ECONNREFUSED)"),
    Fault("tls_stall", Stage.HANDSHAKE, "the ClientHello is read, and never answered"),
    Fault("tls_expired", Stage.HANDSHAKE, "a certificate of the lab's CA for this name that ended in 2017"),
    Fault("tls_wrong_name", Stage.HANDSHAKE, "a certificate of the lab's CA for wrong-name.invalid alone"),
    Fault("tls_self_signed", Stage.HANDSHAKE, "a certificate for this name that it signed itself"),
)

FAULTS: Mapping[str, Fault] = MappingProxyType({each.name: each for each in _ALL})
