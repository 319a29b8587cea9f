"""`client journal`: what a site really got and sent, as the site itself saw it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

from services.client.admin import Answer, ask, complain, nothing, read_json
from services.client.errors import FetchError
from services.client.settings import ClientSettings
from services.client.tables import columns
from services.runtime.command_line import say, show
from services.runtime.run import Stop, until_stopped
from services.runtime.text import printable


@dataclass(frozen=True, slots=True)
class Options:
    """`filters`: what entries have to agree with; `verify`: expectations, as JSON or the name of a file."""

    site: str
    all: bool
    clear: bool
    verify: str | None
    filters: Mapping[str, str]
    format: str


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Show it; 0 if shown or as expected, 1 if not as expected or refused, 3 for a file, 4 if nothing answered."""
    return await until_stopped(act(options, settings), stop)


async def act(options: Options, settings: ClientSettings) -> int:
    """Ask the site, and show the answer."""
    method, path, body = "DELETE" if options.clear else "GET", "/journal", None
    if options.verify is not None:
        method, path = "POST", "/journal/verify"
        body = await asyncio.to_thread(read_json, options.verify)
    query = None if body is not None or options.clear else query_of(options)
    try:
        answer = await ask(settings, options.site, method, path, body=body, query=query)
    except FetchError as error:
        return nothing("journal", options.site, error)
    if answer.status not in {200, 409}:
        return complain("journal", options.site, answer)
    if options.format == "json":
        show(json.dumps(answer.data))
    elif options.verify is not None:
        show(verdict_text(answer))
    else:
        show_entries(answer)
    return 0 if answer.status == 200 else 1


def query_of(options: Options) -> dict[str, str]:
    """Return the query of GET /journal."""
    return dict(options.filters) if options.all else {"host": options.site, **options.filters}


def show_entries(answer: Answer) -> None:
    """Print entries as a table on stdout, and the counts on stderr."""
    entries = answer.data.get("entries")
    rows = [entry_row(each) for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    if rows:
        show(columns(("entry", "conn", "peer", "request", "status", "sent", "fault", "ended", "took"), rows))
    counts = (f"{name} {answer.data.get(name)}" for name in ("total", "kept", "dropped"))
    say(f"journal: {', '.join(counts)}")


def entry_row(entry: Mapping[str, object]) -> tuple[str, ...]:
    """Return an entry's cells."""
    line = str(entry.get("request_head", "")).partition("\n")[0].rstrip("\r")
    fault = f"{entry['fault']} (plan {entry['generation']})" if entry.get("fault") else "-"
    return (
        str(entry["entry"]),
        f"{entry['connection']}.{entry['exchange']}{' tls' if entry.get('tls') else ''}",
        str(entry["peer"]),
        line[:60] or "-",
        str(entry["status"] or "-"),
        str(entry["sent_bytes"]),
        fault,
        str(entry["ended"] or "not yet"),
        took(entry),
    )


def took(entry: Mapping[str, object]) -> str:
    """Return how long an exchange took."""
    began, ended = entry.get("received_s"), entry.get("ended_s")
    if not isinstance(began, int | float) or not isinstance(ended, int | float):
        return "-"
    return f"{(ended - began) * 1000:.1f} ms"


def verdict_text(answer: Answer) -> str:
    """Return a verdict: a line for each failure, and what came nearest."""
    failures = answer.data.get("failures")
    lines = []
    for each in failures if isinstance(failures, list) else []:
        lines.append(f"{each['check']}: expected {each['expected']}, found {each['found']} {each.get('reason', '')}")
        lines += [
            f"    nearest: entry {near['entry']}: {'; '.join(near['misses']) or 'agrees'}" for near in each["nearest"]
        ]
    if not lines:
        lines = [f"as expected ({answer.data.get('considered')} entries)"]
    return "\n".join(printable(line.rstrip()) for line in lines)
