"""Where results go: noted in the ledger, then written to stdout, as lines for a person, JSON, or the survey's records.

Results are put aside and written several at a time: what is done for many in a row takes less for each.
"""

import json
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted

from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Result
from services.client.survey.deadlines import Deadline
from services.client.survey.results.formats import encoded
from services.client.survey.results.writer import RecordWriter
from services.runtime.terminal import printable

MOST_NUMBERS, MOST_TARGETS = 512, 32  # that are put aside: a record may have a large head


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


Form = Callable[[Result], bytes]
NUMBER_FORMS: dict[str, Form] = {"human": dialogue, "json": number_object}
TARGET_FORMS: dict[str, Form] = {"human": target_and_reply, "json": target_object, "jsonl": record_of}


def result_writer(options: Options, ledger: Ledger, writer: RecordWriter) -> "ResultWriter":
    """Return the writer of the results that are asked for."""
    if options.input is None:
        return ResultWriter(ledger, writer, NUMBER_FORMS[options.format])
    return ResultWriter(ledger, writer, TARGET_FORMS[options.format], most=MOST_TARGETS)


class ResultWriter:
    """Notes results in a ledger, and writes the first of each id. `flush` is to be called often, `finish` once."""

    def __init__(self, ledger: Ledger, writer: RecordWriter, form: Form, *, most: int = MOST_NUMBERS) -> None:
        self._ledger, self._writer, self._form, self._most = ledger, writer, form, most
        self._results: list[Result] = []
        self._workers: list[str] = []
        self._add_result, self._add_worker = self._results.append, self._workers.append

    async def emit(self, result: Result, worker: str) -> None:
        """Take a result of that worker; wait while the output's reader is slow. Raises OutputClosed or OutputFailed."""
        self._add_result(result)
        self._add_worker(worker)
        if len(self._results) >= self._most:
            await self._writer.room(Deadline())
            if self._writer.error:
                raise self._writer.error
            self._take()

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
