"""Where results go: noted in the ledger, then written to stdout, as lines for a person, JSON, or the survey's records.

Results are put aside and written several at a time: what is done for many in a row takes less for each.
"""

import json
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted

from services.client.pipeline.ledger import Ledger
from services.client.pipeline.stages import Result
from services.client.survey.deadlines import Deadline
from services.client.survey.results.formats import encoded
from services.client.survey.results.writer import RecordWriter
from services.runtime.terminal import printable

BATCH = 256


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


def nothing(_result: Result) -> bytes:
    """Return no line: of a run whose cost is measured."""
    return b""


Form = Callable[[Result], bytes]
NUMBER_FORMS: dict[str, Form] = {"human": dialogue, "json": number_object}
TARGET_FORMS: dict[str, Form] = {"human": target_and_reply, "json": target_object, "jsonl": record_of}


class ResultWriter:
    """Notes results in a ledger, and writes the first of each id. `flush` is to be called often, and at the end."""

    def __init__(self, ledger: Ledger, writer: RecordWriter, form: Form) -> None:
        self._ledger, self._writer, self._form = ledger, writer, form
        self._waiting: list[tuple[Result, str]] = []

    async def emit(self, result: Result, worker: str) -> None:
        """Take a result of that worker; wait while the output's reader is slow. Raises OutputClosed or OutputFailed."""
        self._waiting.append((result, worker))
        if len(self._waiting) >= BATCH:
            self.flush()
        if not self._writer.has_room:
            await self._writer.room(Deadline())
        if self._writer.error:
            raise self._writer.error

    def flush(self) -> None:
        """Note and write the results that have been put aside."""
        waiting, self._waiting = self._waiting, []
        record, form = self._ledger.record, self._form
        self._writer.write(
            b"".join([form(result) for result, worker in waiting if record(result.id, worker=worker, ok=result.ok)])
        )

    def finish(self, *, with_ledger: bool) -> None:
        """Write what is left and, where it is part of the output, the ledger."""
        self.flush()
        if with_ledger:
            self._writer.write(json.dumps(self._ledger.members()).encode("ascii") + b"\n")
