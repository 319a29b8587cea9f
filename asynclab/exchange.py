"""An entry of the journal: one request and what became of it, or a connection that never sent a whole request."""

from dataclasses import dataclass
from datetime import UTC, datetime

from asynclab.checks import printable
from asynclab.connection.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as the site saw them. Times are UTC.

    `entry`: its number in the journal; `connection`: the number of the connection, and `exchange` that within it, from
    1; 0 is a connection that never sent a whole request. `request`: every byte of the request's head. `status`: that of
    the answer; None if there was none. `fault`: the fault that it got. `sent_bytes`: what the site sent, before TLS.
    `ended`: "kept" (answered whole, the connection stayed open), "fin" or "rst" (by the site), "peer_fin", "peer_rst",
    "timed_out", "stopped", "bad_handshake" or "site_error"; None while it goes on. `body_bytes` and `body_sha256` are
    of the request's body.
    """

    entry: int
    connection: int
    exchange: int
    peer: str
    tls: bool
    host: str
    method: str | None
    target: str | None
    request: bytes
    status: int | None
    fault: str | None
    sent_bytes: int
    ended: str | None
    accepted_at: datetime
    received_at: datetime
    ended_at: datetime | None
    body_bytes: int = 0
    body_sha256: str | None = None

    def field(self, name: str) -> str | None:
        """Return the value of the request's first field of this name, as Latin-1; None if there is none."""
        for line in self.request.split(b"\n")[1:]:
            found, colon, value = line.partition(b":")
            if colon and found.strip().lower() == name.lower().encode("latin-1", "replace"):
                return value.strip().decode("latin-1")
        return None

    def __str__(self) -> str:
        """Return it in a line."""
        asked = f"{self.method} {self.target}" if self.method else "no whole request"
        answered = "no answer" if self.status is None else str(self.status)
        by_fault = f" by {self.fault}" if self.fault else ""
        over = "https" if self.tls else "http"
        line = f"#{self.entry} {over} {self.host} {asked}: {answered}, {self.sent_bytes} bytes, {self.ended or 'open'}"
        return printable(f"{line}{by_fault}")


def read_exchange(data: JsonObject, started_s: float) -> Exchange:
    """Return the exchange in an entry of the admin API. `started_s`: when the site's clock began. Raises BadAnswer."""

    def moment(name: str) -> datetime:
        return datetime.fromtimestamp(started_s + data.number(name), UTC)

    return Exchange(
        entry=data.whole("entry"),
        connection=data.whole("connection"),
        exchange=data.whole("exchange"),
        peer=data.text("peer"),
        tls=data.truth("tls"),
        host=data.text("host"),
        method=data.text_or_none("method"),
        target=data.text_or_none("target"),
        request=data.text("request_head").encode("latin-1"),
        status=data.whole_or_none("status"),
        fault=data.text_or_none("fault"),
        sent_bytes=data.whole("sent_bytes"),
        ended=data.text_or_none("ended"),
        accepted_at=moment("accepted_s"),
        received_at=moment("received_s"),
        ended_at=moment("ended_s") if "ended_s" in data else None,
        body_bytes=data.whole("body_bytes", default=0),
        body_sha256=data.text_or_none("body_sha256"),
    )
