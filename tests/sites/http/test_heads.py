"""Where a fault inside the head stands when interim heads come before the final one: in the head that a client uses."""

from itertools import islice
from random import Random

import pytest

from services.sites.faults.catalog import FAULTS
from services.sites.faults.script import Ending, FaultContext, Response

INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100\r\n\r\nHTTP/1.0 102 bare LF\nA: b\n\n"
STATUS_LINE = b"HTTP/1.1 200 OK\r\n"
REST = b"X-Note: HTTP/1.1 103 is no head here\r\nContent-Length: 2\r\n\r\n"


def played(fault: str, head: bytes, **parameters: int) -> bytes:
    """Return the bytes of a fault's script, or the first of them where it never ends."""
    script = FAULTS[fault].script
    assert script
    play = FaultContext(Response(head, b"hi", Ending.KEEP), "/", parameters, Random(1))
    return b"".join(step for step in islice(script(play), 1000) if isinstance(step, bytes))


PUT_IN = {
    "missing_colon": b"X-Lab-Fault no colon\r\n",
    "nul": b"X-Lab-Fault: a\0b\r\n",
    "bare_cr": b"X-Lab-Fault: a\rb\r\n",
    "obs_fold": b"X-Lab-Fault: a\r\n b\r\n",
    "conflicting_length": b"Content-Length: 5\r\nContent-Length: 6\r\n",
}


@pytest.mark.parametrize("interim", [b"", INTERIM], ids=["none", "interim"])
@pytest.mark.parametrize(("fault", "lines"), PUT_IN.items(), ids=PUT_IN)
def test_a_line_is_put_in_after_the_final_heads_status_line(fault: str, lines: bytes, interim: bytes) -> None:
    """A client reads past interim heads: an offence in one of them would never be met by most."""
    head = interim + STATUS_LINE + REST
    assert played(fault, head) == interim + STATUS_LINE + lines + REST + b"hi"


@pytest.mark.parametrize("interim", [b"", INTERIM], ids=["none", "interim"])
def test_the_other_faults_of_a_line_are_in_the_final_head_too(interim: bytes) -> None:
    """The status line that is bad is the final one; the value that is huge, the head that never ends, follow it."""
    head = interim + STATUS_LINE + REST
    assert played("bad_status_line", head) == interim + b"HTTP/1.1 2x0 OK\r\n" + REST + b"hi"
    huge = b"X-Lab-Fault: " + b"a" * 70_000 + b"\r\n"
    assert played("huge_field", head, bytes=70_000) == interim + STATUS_LINE + huge + REST + b"hi"
    endless = played("endless_head", head)
    assert endless.startswith(interim + STATUS_LINE + b"X-Lab-Fault: endless\r\n" * 1000)


def test_switching_protocols_is_a_final_head() -> None:
    """101 is what the connection goes on from, although it is of the 1xx."""
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
    status_line, newline, rest = head.partition(b"\n")
    assert played("nul", head) == status_line + newline + PUT_IN["nul"] + rest + b"hi"
