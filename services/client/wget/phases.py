"""The phases of a lesson's fetch, in a trace: connect, send, first byte, head.

The lessons are as short as the tutorial's, and tell nothing of themselves. But what a task waited for is recorded: a
fetch connects until its last wait for a connection ends, and its first byte comes when its first wait to read ends.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.client.trace.model import Slice
from services.client.trace.pieces import NOT_SAID

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder

CONNECTS = ("connect", "getaddrinfo")  # in the names of functions of asyncio and uvloop
READS = ("StreamReader.", "_wait_for_data")


def note_phases(recorder: "Recorder", begin_s: float) -> None:
    """Note the phases of a fetch that the running task began then, and that ends now."""
    if not recorder.running:
        return
    track = recorder.running.track
    slices = [each for each in track.slices_from(0) if each.end_s >= begin_s]
    borders = borders_of(slices, last_s=recorder.running.began_s - recorder.zero_s)
    for name, end_s in [*borders, ("head" if len(borders) == 3 else "", recorder.total_s)]:
        if name:
            recorder.notes.phase(track, name, begin_s=begin_s, end_s=end_s, ended=NOT_SAID)
        begin_s = end_s


def borders_of(slices: Sequence[Slice], *, last_s: float) -> list[tuple[str, float]]:
    """Return the phases that have ended, each with its end. `last_s`: when the last wait ended."""
    ends = [*(each.begin_s for each in slices[1:]), last_s]
    waits = [(each.awaits or "", each.end_s, end_s) for each, end_s in zip(slices, ends, strict=False)]
    connected = [end_s for awaits, _, end_s in waits if any(word in awaits for word in CONNECTS)]
    reads = [(begin_s, end_s) for awaits, begin_s, end_s in waits if any(word in awaits for word in READS)]
    found = [("connect", connected[-1])] if connected else []
    if connected and reads:
        found += [("send", reads[0][0]), ("first byte", reads[0][1])]
    return found
