"""The ledger of a run: what became of every id, in the terms of Jepsen's set checker.

An id is *attempted* when the producer first hands it over, *acknowledged* when what takes it has said that it is safe,
and *recorded* when its result has been read. Every edition keeps this ledger in the same way, and the run's exit code
follows from it: what was acknowledged and never recorded is lost.

Its memory is that of the gaps between ids, which are as many as there are items in flight, and not of the input.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from services.client.pipeline.id_ranges import IdRanges
from services.client.pipeline.stages import Result

SHOWN_IDS = 20


class Ledger:
    """The account of one run.

    Arguments:
        edition, loop, run: which edition ran, on which loop, under which id.

    Attributes:
        attempted, acknowledged, recorded: sets of ids, see above.
        dead: ids that were given up after several deliveries.
        reasons: why, of the first SHOWN_IDS of them.
        noted: ids that have their result at the broker since an earlier program; it is read when all items are.
        failed: how many results say that the work did not do what was asked (no head came, say).
        errors: how many of them for each error.
        unexpected: results of ids that were never attempted.
        duplicates: results of ids that were recorded already; none of them is written a second time.
        redelivered: deliveries of a job beyond its first.
        workers: the number of results of each worker.
        unread: returns how many results have come to this program, and are not taken yet.
        wait_s: how long the producers waited because the queue was full, all together.
        took_s: how long the run took.
    """

    def __init__(self, edition: str, loop: str, run: str = "") -> None:
        self.edition, self.loop, self.run = edition, loop, run
        self._attempted, self._acknowledged = IdRanges(), IdRanges()
        self.recorded, self.dead, self.noted = IdRanges(), IdRanges(), IdRanges()
        self.reasons: dict[int, str] = {}
        self.failed = self.unexpected = self.duplicates = self.redelivered = 0
        self.errors: Counter[str] = Counter()
        self.workers: Counter[str] = Counter()
        self.unread: Callable[[], int] = int
        self.wait_s = self.took_s = 0.0
        # Nearly every id is acknowledged: noted in a list, and added with many others, it takes a fifth of the time.
        self._acknowledged_lately: list[int] = []
        self.acknowledge: Callable[[int], None] = self._acknowledged_lately.append
        """Note that what takes this id has said that it is safe; so it has been attempted, too."""

    def attempt(self, number: int) -> None:
        """Note that the producer hands this id over; again is no news."""
        self._add_acknowledged()
        self._attempted.add(number)

    @property
    def attempted(self) -> IdRanges:
        """The ids that the producer has handed over."""
        self._add_acknowledged()
        return self._attempted

    @property
    def acknowledged(self) -> IdRanges:
        """The ids of which what takes them has said that they are safe."""
        self._add_acknowledged()
        return self._acknowledged

    def _add_acknowledged(self) -> None:
        if self._acknowledged_lately:
            self._acknowledged.add_all(self._acknowledged_lately)
            self._attempted.add_all(self._acknowledged_lately)
            self._acknowledged_lately.clear()

    def record(self, number: int, *, worker: str, ok: bool = True, error: str = "") -> bool:
        """Note the result of an id; return whether it is the first, and so is to be written.

        `error`: why, where it is not ok.
        """
        if number not in self.attempted:
            self.unexpected += 1
            return False
        if not self.recorded.add(number):
            self.duplicates += 1
            return False
        if not ok:
            self.failed += 1
            self.errors[error] += 1
        self.workers[worker] += 1
        return True

    def record_all(self, results: Sequence[Result], workers: Sequence[str]) -> Sequence[Result]:
        """Note results, with the worker of each; return those that are the first of their ids."""
        ids = [result.id for result in results]
        if self._continues_with(ids):  # nearly all do: this takes a tenth of the time
            self.recorded.add_all(ids)
            if failed := [result.reply for result in results if not result.ok]:
                self.failed += len(failed)
                self.errors.update(failed)
            self.workers.update(workers)
            return results
        pairs = zip(results, workers, strict=True)
        return [
            result
            for result, worker in pairs
            if self.record(result.id, worker=worker, ok=result.ok, error=result.reply)
        ]

    def _continues_with(self, ids: Sequence[int]) -> bool:
        """Return whether ids are consecutive, attempted, and beyond all that are recorded."""
        if not ids or ids[0] <= self.recorded.last or ids != list(range(ids[0], ids[0] + len(ids))):
            return False
        return self.attempted.has_range(ids[0], ids[-1])

    def give_up(self, number: int, reason: str) -> None:
        """Note that this id was given up, and why."""
        if self.dead.add(number) and len(self.reasons) < SHOWN_IDS:
            self.reasons[number] = reason

    @property
    def lost(self) -> int:
        """How many ids were acknowledged, and have neither a result nor a reason why not."""
        return len(self.acknowledged.without(self.recorded).without(self.dead))

    @property
    def recovered(self) -> int:
        """How many ids have a result although nothing had said that they were safe."""
        return len(self.recorded.without(self.acknowledged))

    @property
    def is_sound(self) -> bool:
        """Whether nothing was lost and nothing came that was not asked for."""
        return not self.lost and not self.unexpected

    @property
    def in_flight(self) -> IdRanges:
        """The ids that are safe with what took them, and have neither a result nor a reason why not."""
        return self.acknowledged.without(self.recorded).without(self.dead).without(self.noted)

    @property
    def is_begun(self) -> bool:
        """Whether there is anything to account for."""
        return bool(self.attempted or self.unexpected or self.dead)

    @property
    def unfinished(self) -> IdRanges:
        """The ids that were attempted and have neither a result nor a reason why not."""
        return self.attempted.without(self.recorded).without(self.dead)

    def members(self) -> dict[str, object]:
        """Return the ledger as `--format json` prints it."""
        attempted = len(self.attempted)
        return {
            "edition": self.edition,
            "loop": self.loop,
            "run": self.run,
            "attempted": attempted,
            "acknowledged": len(self.acknowledged),
            "recorded": len(self.recorded),
            "lost": self.lost,
            "unexpected": self.unexpected,
            "recovered": self.recovered,
            "duplicates": self.duplicates,
            "redelivered": self.redelivered,
            "dead_lettered": len(self.dead),
            "failed": self.failed,
            "errors": dict(self.errors.most_common()),
            "workers": dict(sorted(self.workers.items())),
            "cost_us": self.cost_us,
            "wait_s": round(self.wait_s, 3),
            "took_s": round(self.took_s, 3),
        }

    @property
    def cost_us(self) -> float:
        """How long the run took for each item, in microseconds."""
        return round(self.took_s / len(self.attempted) * 1e6, 3) if self.attempted else 0.0
