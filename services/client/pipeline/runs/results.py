"""Where results go: noted in the ledger, then written to stdout, as lines for a person, JSON, or the survey's records.

Results are put aside and written several at a time: what is done for many in a row takes less for each.
"""

import json
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from typing import Protocol

from services.client.pipeline.id_ranges import IdRanges
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Result
from services.client.survey.deadlines import Deadline
from services.client.survey.results.formats import encoded
from services.runtime.errors import ProgramError
from services.runtime.terminal import printable

MAX_NUMBERS, MAX_TARGETS = 512, 32  # that are put aside: a record may have a large head


def dialogue(result: Result) -> bytes:
    """Return the lines of the tutorial's dialogue about one number, which stay together."""
    reply = printable(result.reply)
    return encoded(
        f"[PRODUCER] Producing {result.id}...\n[CONSUMER] Consuming {result.id}...\n"
        f"[PRODUCER] Consumer return: {reply}\n"
    )


def target_and_reply(result: Result) -> bytes:
    """Return the line for a person about one target."""
    return encoded(f"{printable(result.text)} {printable(result.reply)}\n")


def number_object(result: Result) -> bytes:
    """Return the JSON line of a number."""
    return f'{{"id": {result.id}, "reply": {quoted(result.reply)}}}\n'.encode("ascii")


def target_object(result: Result) -> bytes:
    """Return the JSON line of a target. `ok`: whether a head came."""
    ok = "true" if result.ok else "false"
    line = f'{{"id": {result.id}, "reply": {quoted(result.reply)}, "ok": {ok}, "target": {quoted(result.text)}}}\n'
    return line.encode("ascii")


def record_of(result: Result) -> bytes:
    """Return the survey's record."""
    return result.record


class ResultsDigest:
    """What tells two sets of results apart, in any order: how many there are, and a sum of their hashes.

    Hashes are those of this process. Its memory is the same for any number of results.
    """

    def __init__(self) -> None:
        self._count = self._sum = 0

    def add(self, result: Result) -> None:
        """Add a result: its id, its target and its reply."""
        self._count += 1
        self._sum += hash((result.id, result.text, result.reply))

    @property
    def value(self) -> tuple[int, int]:
        """The digest of what was added: equal for equal results."""
        return self._count, self._sum


class Output(Protocol):
    """Where lines go: a RecordWriter, or nowhere."""

    error: ProgramError | None

    @property
    def has_room(self) -> bool:
        """Whether its reader has caught up."""
        ...

    async def room(self, deadline: Deadline) -> None:
        """Wait until its reader has caught up."""
        ...

    def write(self, data: bytes) -> None:
        """Take some output."""
        ...


Form = Callable[[Result], bytes]
NUMBER_FORMS: dict[str, Form] = {"human": dialogue, "json": number_object}
TARGET_FORMS: dict[str, Form] = {"human": target_and_reply, "json": target_object, "jsonl": record_of}


def result_writer(
    options: Options, ledger: Ledger, writer: Output, *, digest: ResultsDigest | None = None
) -> "ResultWriter":
    """Return the writer of the results that are asked for. `digest`: is given each result that is written."""
    forms, most = (NUMBER_FORMS, MAX_NUMBERS) if options.input is None else (TARGET_FORMS, MAX_TARGETS)
    form = forms[options.format]

    def digested(result: Result) -> bytes:
        if digest:
            digest.add(result)
        return form(result)

    return ResultWriter(ledger, writer, digested if digest else form, most=most)


class ResultWriter:
    """Notes results in a ledger, and writes the first of each id. `flush` is to be called often, `finish` once.

    `held`: how many callers of `emit` wait for the output's reader.
    """

    def __init__(self, ledger: Ledger, writer: Output, form: Form, *, most: int = MAX_NUMBERS) -> None:
        self._ledger, self._writer, self._form, self._most = ledger, writer, form, most
        self._results: list[Result] = []
        self._workers: list[str] = []
        self._add_result, self._add_worker = self._results.append, self._workers.append
        self.held = 0

    async def emit(self, result: Result, worker: str) -> None:
        """Take a result of that worker; wait while the output's reader is slow. Raises OutputClosed or OutputFailed."""
        self._add_result(result)
        self._add_worker(worker)
        if len(self._results) >= self._most:
            self.held += 1
            try:
                await self._writer.room(Deadline())
            finally:
                self.held -= 1
            if self._writer.error:
                raise self._writer.error
            self._take()

    @property
    def unwritten(self) -> IdRanges:
        """The ids of the results that have been put aside, and are neither noted nor written yet."""
        ids = IdRanges()
        for result in self._results:
            ids.add(result.id)
        return ids

    def flush(self) -> None:
        """Note and write what has been put aside, unless the output's reader is slow."""
        if self._results and self._writer.has_room:
            self._take()

    def finish(self, *, with_ledger: bool) -> None:
        """Write what is left and, where it is part of the output, the ledger."""
        self._take()
        if with_ledger:
            self._writer.write(json.dumps(self._ledger.members()).encode("ascii") + b"\n")

    def _take(self) -> None:
        self._writer.write(b"".join(map(self._form, self._ledger.record_all(self._results, self._workers))))
        self._results.clear()
        self._workers.clear()
