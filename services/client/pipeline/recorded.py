"""Editions that are recorded, for --trace: what is put and got, how deep the queue is, what a task hands to another.

No edition knows of it: an item is put when the ledger learns that it is safe, and got when the work on it begins.
"""

from contextlib import nullcontext
from functools import partial

from services.client.pipeline.edition import Edition, Emit, WorkOf
from services.client.pipeline.items import Items
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import GENERATOR, JETSTREAM, Options
from services.client.pipeline.stages import Item, Result, Work
from services.client.settings import ClientSettings
from services.client.trace.facts import Point
from services.client.trace.model import Outcome
from services.client.trace.recorder import Recorder
from services.client.trace.recording import Recording
from services.client.trace.tasks.track import Track

QUEUE_NAME, CONSUMER = "items", "consumer"


def recorder_of(edition: str, recording: Recording, *, titled: bool) -> Recorder:
    """Return the recorder of an edition. `titled`: whether it has a title, since there are several editions.

    A panel of a page is of one process; but the process of jetstream has its workers beside it, and so no title.
    """
    mode = "one after another" if edition == GENERATOR else "at once"
    return recording.new(mode=mode, title=edition if titled and edition != JETSTREAM else "")


class Flow:
    """Notes what goes from a producer to a consumer. `queue`: the name of what is between them, empty for none."""

    def __init__(self, recorder: Recorder, *, queue: str) -> None:
        self._recorder, self._queue = recorder, queue
        self._given: dict[int, Point] = {}
        self._depth = 0

    def follow(self, ledger: Ledger) -> None:
        """Note each item that is put, as the ledger does."""
        acknowledge = ledger.acknowledge

        def acknowledge_and_note(number: int) -> None:
            acknowledge(number)
            self._put(number)

        ledger.acknowledge = acknowledge_and_note

    def _put(self, number: int) -> None:
        if point := self._recorder.point():
            self._given[number] = point
        self._note_depth(1)

    def got(self, number: int) -> None:
        """Note that the running task, or the lane that it is in, has got an item."""
        given, taken = self._given.pop(number, None), self._recorder.point()
        if given and taken:
            self._recorder.handed_off(f"item {number}", given, taken)
        self._note_depth(-1)

    def _note_depth(self, by: int) -> None:
        self._depth += by
        if self._queue:
            self._recorder.depth(self._queue, self._depth)


def recorded(edition: Edition, recorder: Recorder) -> Edition:
    """Return an edition whose producers and consumers are of this process, recorded.

    The consumer of the generator edition is no task: it gets a lane, which runs while its producer waits for it.
    """

    async def run(
        items: Items, work_of: WorkOf, emit: Emit, *, ledger: Ledger, options: Options, settings: ClientSettings
    ) -> None:
        is_dialogue = options.edition == GENERATOR
        flow = Flow(recorder, queue="" if is_dialogue else QUEUE_NAME)
        flow.follow(ledger)

        async def whole() -> None:
            lane = recorder.lane(CONSUMER, parent=1) if is_dialogue else None
            try:
                noted_work_of = partial(noted_work, work_of, flow, recorder, lane)
                await edition(items, noted_work_of, emit, ledger=ledger, options=options, settings=settings)
            finally:
                if lane:
                    lane.ended(recorder.total_s, Outcome.RETURNED)

        await recorder.record(whole(), name="producer" if is_dialogue else "pipeline")

    return run


def noted_work(work_of: WorkOf, flow: Flow, recorder: Recorder, lane: Track | None) -> Work:
    """Return a consumer's work, with a phase for each item. `lane`: that of the consumer, if it is no task."""
    work = work_of()

    async def noted(item: Item) -> Result:
        with recorder.running_in(lane) if lane else nullcontext():
            flow.got(item.id)
            with recorder.phase(f"item {item.id}"):
                result = await work(item)
            if not result.ok:
                recorder.mark("error", f"{result.text}: {result.reply}")
            return result

    return noted
