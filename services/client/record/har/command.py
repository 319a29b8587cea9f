"""`client record --har FILE`: a recording for each request of a browser's HAR file, and a sequence of them where the
same request had different answers."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.client.record.destinations import Destination, Destinations
from services.client.record.har.document import NoHar, read_har
from services.client.record.har.entry import HarOptions, HarResponse, label_of, read_entry
from services.client.record.har.groups import Groups, TooMany
from services.client.record.har.values import NotWanted, Skipped
from services.client.record.options import Options
from services.client.record.provenance import Value, secrets_table, without_secrets
from services.runtime.playable import BodySource
from services.runtime.terminal import printable, say

KEPT, SOME_FAILED, NOTHING = 0, 1, 4
MAX_ENTRIES = 100_000
MAX_LINES = 20  # of entries that are skipped; a file may have any number of them


@dataclass(slots=True)
class SkippedEntries:
    """The lines that say what is skipped, and how many there are besides; `failed`: how many should have been kept."""

    lines: list[str] = field(default_factory=list)
    more: int = 0
    failed: int = 0

    def add(self, entry: object, number: int, reason: Skipped) -> None:
        """Note an entry that is skipped. `number`: its place in the file, from 1."""
        self.failed += not isinstance(reason, NotWanted)
        if len(self.lines) < MAX_LINES:
            self.lines.append(f"skipped {printable(label_of(entry, number))}: {printable(str(reason))}")
        else:
            self.more += 1


async def record_har(options: Options, har: str) -> int:
    """Record what a HAR file holds; 0 if all of it is kept, 1 if some could not be, 4 if nothing is.

    Entries that cannot be recorded are skipped, with a line each. One without an answer, or without HTTP, is no loss.
    Raises NoHar, RecordingExists, CannotWrite or SidecarBroken.
    """
    file, skipped = Path(har), SkippedEntries()
    groups = await asyncio.to_thread(read_groups, options, file, skipped)
    for line in skipped.lines:
        say(line)
    if skipped.more:
        say(f"skipped {skipped.more:,} more")
    if not groups.answers:
        say(f"record {printable(str(file))}: it holds nothing to record")
        return NOTHING
    await write(options, groups)
    if skipped.failed:
        say(f"record {printable(str(file))}: {skipped.failed:,} of its responses could not be kept")
    return SOME_FAILED if skipped.failed else KEPT


def read_groups(options: Options, file: Path, skipped: SkippedEntries) -> Groups:
    """Return what a file holds. Blocks. Raises NoHar."""
    groups = Groups()
    try:
        for response in responses(read_har(file), options, skipped):
            groups.add(response)
    except TooMany as error:
        raise NoHar(file, str(error), remedy="keep fewer of its entries") from error
    return groups


def responses(entries: Iterable[object], options: Options, skipped: SkippedEntries) -> Iterator[HarResponse]:
    """Yield the responses of entries, and note those that are skipped. Raises TooMany."""
    wanted = HarOptions(None if options.head_only else options.max_body, options.keep_secrets)
    for number, entry in enumerate(entries):
        if number == MAX_ENTRIES:
            raise TooMany(f"holds more than {MAX_ENTRIES:,} entries")
        try:
            yield read_entry(entry, wanted)
        except Skipped as error:
            skipped.add(entry, number + 1, error)


async def write(options: Options, groups: Groups) -> None:
    """Write each recording, with a line for each. Raises RecordingExists (unless forced), before anything is written,
    CannotWrite or SidecarBroken."""
    destinations = Destinations(Path(options.output), force=options.force)
    for response, destination in await asyncio.to_thread(decided, groups, destinations, force=options.force):
        where = await asyncio.to_thread(destination.save, response.recording.raw, about(response), force=options.force)
        say(summary(where, response, destination))
    if options.force:
        await asyncio.to_thread(groups.remove_older, destinations)


def decided(groups: Groups, destinations: Destinations, *, force: bool) -> list[tuple[HarResponse, Destination]]:
    """Return each response and where it goes. Raises RecordingExists (unless forced) or CannotWrite. Blocks."""
    placed = [*groups.placed(destinations)]
    for _response, destination in placed if not force else []:
        destination.refuse_existing()
    return placed


def summary(where: Path, response: HarResponse, destination: Destination) -> str:
    """Return the line that tells a person what was recorded."""
    recording = response.recording
    sizes = f"head {len(recording.head):,} bytes, body {len(recording.body):,}"
    parts = [f"recorded {printable(str(where))}: status {response.status}, {sizes}"]
    if "sequence" in destination.keys:
        parts.append(f"sequence {destination.keys['sequence']}")
    if response.source is BodySource.MADE:
        parts.append("a site makes its body")
    if response.left_out:
        fields, are = ("fields", "are") if response.left_out > 1 else ("field", "is")
        parts.append(f"{response.left_out} {fields} that no head can have {are} left out")
    if recording.secrets:
        fields = ", ".join(f"{secret.field} {secret.secret_bytes} bytes" for secret in recording.secrets)
        parts.append(f"credentials {'masked' if recording.masked else 'KEPT'}: {printable(fields)}")
    return "; ".join(parts)


def about(response: HarResponse) -> dict[str, Value]:
    """Return what the sidecar says of the bytes, beside their match. A browser's request fields are not kept."""
    recording = response.recording
    provenance: dict[str, Value] = {
        "source": "har",
        "url": without_secrets(response.url.text),
        "request": [f"{response.match.method} {without_secrets(response.url.path)}"],
        "status": response.status,
        "sha256": hashlib.sha256(recording.raw).hexdigest(),
        "bytes": len(recording.raw),
        "head_bytes": len(recording.head),
        "body_bytes": len(recording.body),
        "body": "decoded" if response.source is BodySource.RECORDED else "not recorded",
    }
    if response.when:
        provenance["time"] = response.when
    return {"body": response.source.value, "provenance": provenance | secrets_table(recording)}
