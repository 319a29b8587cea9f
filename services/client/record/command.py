"""`client record URL`: fetch one response and keep its bytes, as `<host>.http`, and where they came from, as
`<host>.toml`. `lab record` is the same, with the lab's own directory of recordings. `program` reads the command line;
read `several` next."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

from services.client.errors import FetchError
from services.client.record.body import Framing
from services.client.record.fetch import CutShort, Response, fetch
from services.client.record.fetch_request import FetchRequest, read_field, request_bytes, source_of
from services.client.record.files import refuse_existing, save
from services.client.record.options import STANDARD_OUTPUT, Options
from services.client.record.provenance import MaskedResponse, about_recording, body_source, masked
from services.client.tls import tls_context
from services.client.topology import Topology
from services.client.url.host import NoHostName, ascii_host_name
from services.runtime.errors import ProgramError
from services.runtime.http import HOST_NAME
from services.runtime.playable import BodySource, why_unplayable
from services.runtime.terminal import printable, say, show_bytes


class CannotAsk(ProgramError):
    """The URL, a field or a name is not one."""


class AuthoritiesUnreadable(ProgramError):
    """The file of certificate authorities is no such file."""

    exit_code = 3

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"cannot read certificate authorities from {file} ({reason}): give --ca a PEM file")
        self.file, self.reason = file, reason


async def record(options: Options, topology: Topology) -> int:
    """Ask, mask and write the one URL, in that order; nothing is asked if the response could not be kept.

    Returns 0 if it is kept, 1 if the body was cut short, 4 without an answer. Of a body that the peer cut short, what
    came is kept. Raises CannotAsk, AuthoritiesUnreadable, RecordingExists or CannotWrite.
    """
    try:
        request, name = understand(options)
    except FetchError as error:
        raise CannotAsk(f"record {printable(options.urls[0])[:200]}: {printable(error.detail)}") from error
    directory = Path(options.output)
    if options.output != STANDARD_OUTPUT and not options.force:
        await asyncio.to_thread(refuse_existing, directory, name)
    try:
        response = await fetch(request, topology)
    except CutShort as error:
        say(f"record {printable(request.source.text)}: {printable(error.detail)}: --head-only records the head")
        return 1
    except FetchError as error:
        say(f"record {printable(request.source.text)}: {printable(str(error))}")
        return 4
    recording = masked(response, keep_secrets=options.keep_secrets)
    if options.output == STANDARD_OUTPUT:
        show_bytes(recording.raw)
        where = "standard output"
    else:
        about = about_recording(request, response, recording, when=datetime.now(UTC))
        where = str(await asyncio.to_thread(save, directory, name, recording.raw, about, force=options.force))
    for line in summary(where, response, recording, options):
        say(line)
    return 0 if response.whole else 1


def understand(options: Options) -> tuple[FetchRequest, str]:
    """Return what is asked, and the name it is recorded under. Raises FetchError (usage) or AuthoritiesUnreadable."""
    source = source_of(options.urls[0])
    name = name_of(options.name) if options.name else source.host
    if not HOST_NAME.fullmatch(name):
        raise FetchError("usage", f"{name[:60]!r} is not a host name to record under: give one with --name")
    request = FetchRequest(
        source=source,
        request=request_bytes(source, [read_field(field) for field in options.fields]),
        timeout_s=options.timeout_s,
        max_body=None if options.head_only else options.max_body,
        tls=context_of(options) if source.scheme == "https" else None,
    )
    return request, name


def name_of(given: str) -> str:
    """Return the name of --name as clients ask for it: in ASCII. Raises FetchError (usage)."""
    try:
        return ascii_host_name(given).lower().removesuffix(".")
    except NoHostName as error:
        raise FetchError("usage", f"{given[:60]!r} is not a host name to record under: {error}") from error


def context_of(options: Options) -> ssl.SSLContext:
    """Return how servers are verified. Raises AuthoritiesUnreadable."""
    try:
        return tls_context(ca=options.ca, insecure=options.insecure)
    except (OSError, ssl.SSLError) as error:
        raise AuthoritiesUnreadable(options.ca or "the system", error.strerror or str(error)) from error


def summary(where: str, response: Response, recording: MaskedResponse, options: Options) -> list[str]:
    """Return the lines that tell a person what was recorded."""
    sizes = f"head {len(recording.head):,} bytes, body {len(recording.body):,}"
    lines = [f"recorded {printable(where)}: status {response.status}, {sizes}"]
    if not response.whole and response.framing == Framing.CLOSE:
        came = f"{len(recording.body):,} bytes of the body"
        lines.append(f"the peer closed after {came} without TLS's close_notify: their end may be missing")
    elif not response.whole:
        of = f" of {response.declared:,}" if response.declared else ""
        lines.append(
            f"the peer closed after {len(recording.body):,}{of} bytes of the body: so will a site that plays it"
        )
    if not response.framing and not options.head_only:
        lines.append("the body is larger than --max-body: only the head is kept, and a site makes a body for it")
    has_sidecar = options.output != STANDARD_OUTPUT
    if reason := why_unplayable(recording.raw, body_source(response) if has_sidecar else None):
        lines.append(f"no site can play it: {printable(reason)}")
    elif not has_sidecar and response.framing and not recording.body:
        key = f'body = "{BodySource.RECORDED.value}"'
        lines.append(f"its body is empty: where no sidecar says {key}, a site makes one that fits the head")
    if response.surplus:
        lines.append(f"{response.surplus:,} bytes that came after its end are left out")
    if recording.secrets:
        state = "masked" if recording.masked else "KEPT (--keep-secrets): do not pass it on"
        fields = ", ".join(f"{printable(secret.field)} {secret.secret_bytes} bytes" for secret in recording.secrets)
        lines.append(f"credentials {state}: {fields}")
    return lines
