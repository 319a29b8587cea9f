"""The sidecar of a recording: whether its body was kept and, in the table [provenance], where it came from and what was
changed."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from services.client.record.fetch import Response, TLSSession
from services.client.record.fetch_request import FetchRequest
from services.client.record.secrets import Secret, in_urls, mask
from services.runtime.playable import BodySource

Value = str | int | bool | dict[str, "Value"] | list["Value"]


@dataclass(frozen=True, slots=True)
class MaskedResponse:
    """The bytes that are written, and the secrets that were found in them (`masked`: and made unreadable)."""

    head: bytes
    body: bytes
    secrets: tuple[Secret, ...]
    masked: bool

    @property
    def raw(self) -> bytes:
        """The recording."""
        return self.head + self.body


def masked(response: Response, *, keep_secrets: bool) -> MaskedResponse:
    """Return what is written of a response; a chunked body's trailer fields are fields too."""
    head, secrets = mask(response.head)
    body = response.body
    if response.trailer is not None:
        trailer, more = mask(body[response.trailer :])
        body, secrets = body[: response.trailer] + trailer, secrets + more
    if keep_secrets:
        head, body = response.head, response.body
    return MaskedResponse(head, body, secrets, masked=bool(secrets) and not keep_secrets)


def body_source(response: Response) -> BodySource:
    """Return where a site takes the body from: the recording, unless no body was wanted or it was too large."""
    return BodySource.RECORDED if response.framing else BodySource.MADE


def about_recording(
    request: FetchRequest, response: Response, recording: MaskedResponse, *, when: datetime
) -> dict[str, Value]:
    """Return what the sidecar says of these bytes."""
    return {"body": body_source(response).value, "provenance": provenance(request, response, recording, when=when)}


def provenance(
    request: FetchRequest, response: Response, recording: MaskedResponse, *, when: datetime
) -> dict[str, Value]:
    """Return the table. `sha256` and `bytes` are those of the file, so that it can be checked."""
    table: dict[str, Value] = {
        "url": without_secrets(request.source.text),
        "time": when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "address": response.address,
        "tls": table_of(response.tls) if response.tls else False,
        "request": without_secrets_in(request.request),
        "status": response.status,
        "sha256": hashlib.sha256(recording.raw).hexdigest(),
        "bytes": len(recording.raw),
        "head_bytes": len(recording.head),
        "body_bytes": len(recording.body),
        "body": response.framing or "not recorded",
    }
    if not response.whole:
        table["cut_short"] = True
    return table | secrets_table(recording)


def secrets_table(recording: MaskedResponse) -> dict[str, Value]:
    """Return which fields held a credential, under a key that says whether it is masked; nothing if none did."""
    if not recording.secrets:
        return {}
    listed: list[Value] = [{"field": secret.field, "bytes": secret.secret_bytes} for secret in recording.secrets]
    return {"masked" if recording.masked else "secrets_kept": listed}


def table_of(tls: TLSSession) -> dict[str, Value]:
    """Return a TLS connection as a table."""
    return {
        "version": tls.version,
        "cipher": tls.cipher,
        "verified": tls.verified,
        "certificate_sha256": tls.certificate_sha256,
    }


def without_secrets(url: str) -> str:
    """Return a URL whose token-like parameters cannot be read."""
    shown = bytearray(url.encode("utf-8", "replace"))
    for start, end in in_urls(bytes(shown)):
        shown[start:end] = b"x" * (end - start)
    return shown.decode("utf-8", "replace")


def without_secrets_in(request: bytes) -> list[Value]:
    """Return the lines of the request, with its credentials masked."""
    line, _, fields = request.partition(b"\r\n")
    masked, _ = mask(fields)
    text = f"{without_secrets(line.decode('ascii'))}\r\n{masked.decode('ascii')}"
    return [*text.rstrip("\r\n").split("\r\n")]
