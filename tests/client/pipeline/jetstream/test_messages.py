"""What is in the messages: each comes back as it was, and what is no message of ours is refused."""

import pytest

from services.client.pipeline.jetstream.messages import (
    Delivery,
    Done,
    GivenUp,
    Undecodable,
    decode_done,
    decode_given_up,
    decode_job,
    delivery_of,
    encode_done,
    encode_given_up,
    encode_job,
    id_of,
    partition_of,
)
from services.client.pipeline.stages import Item, Result


@pytest.mark.parametrize("text", ["7", "http://www.163.com/", "\u7f51\u6613", "\udcff", "a\nb", ""])
def test_messages_come_back(text: str) -> None:
    """Any text, and records to the byte."""
    item = Item(3, text, 9, "a problem")
    done = Done(Result(3, text, False, text, b'{"a": 1}\n\xff'), "worker", 2)
    given_up = GivenUp(3, text, 5)
    assert decode_job(encode_job(item)) == item
    assert decode_done(encode_done(done)) == done
    assert decode_given_up(encode_given_up(given_up)) == given_up


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"[1]", b'["1", "", 0, ""]', b'[true, "", 0, ""]', b"\xff", b"[" * 200_000]
)
def test_what_is_no_job(data: bytes) -> None:
    """Refused by its members, whatever it is."""
    with pytest.raises(Undecodable):
        decode_job(data)


@pytest.mark.parametrize(
    ("subject", "number"),
    [("results.r.12", 12), ("results.r.x", None), ("results.r.-1", None), ("r.\u0661", None), ("r." + "9" * 30, None)],
)
def test_the_id_in_a_subject(subject: str, number: int | None) -> None:
    assert id_of(subject) == number


@pytest.mark.parametrize(
    "reply", ["$JS.ACK.S.C.2.30.4.1700000000.5", "$JS.ACK.domain.account.S.C.2.30.4.1700000000.5.random"]
)
def test_what_a_delivery_says(reply: str) -> None:
    """In both forms of the reply subject."""
    assert delivery_of(reply) == Delivery(2, 30, 4)


def test_a_host_has_one_partition() -> None:
    """However its target is written; and what is no target has one, too."""
    spellings = ("www.163.com", "http://WWW.163.com/a", "https://www.163.com:8443/")
    assert len({partition_of(text, 64) for text in spellings}) == 1
    assert partition_of("http://[", 64) == 0
    assert len({partition_of(f"host-{n}.test", 64) for n in range(1000)}) == 64
