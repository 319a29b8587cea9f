"""`client journal`: what a site really got and sent, as the site itself saw it.

A server may play several hosts, and has one journal for all of them. This command shows, clears and verifies what is of
SITE, and reaches beyond it only with --all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from services.client.admin import Answer, WrongUsage, ask, complain, nothing, read_json
from services.client.errors import FetchError
from services.client.settings import ClientSettings
from services.client.site_options import option_of
from services.client.tables import columns
from services.runtime.aside import aside
from services.runtime.command_line import say, show
from services.runtime.run import Stop, until_stopped
from services.runtime.text import printable

BARE = {"order", "absent"}  # checks that are criteria; the others have them as their match
CHECKS = BARE | {"expect", "at_once"}


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
    question = await question_of(options)
    try:
        answer = await ask(
            settings, options.site, question.method, question.path, body=question.body, query=question.query
        )
    except FetchError as error:
        return nothing("journal", options.site, error)
    if answer.status not in {200, 409}:
        return complain("journal", options.site, answer)
    if options.format == "json":
        show(json.dumps(answer.data))
    elif options.verify is not None:
        show(verdict_text(answer))
    elif options.clear:
        say(f"journal: {'all of it' if options.all else options.site} begins anew")
    else:
        show_entries(answer)
    return 0 if answer.status == 200 else 1


@dataclass(frozen=True, slots=True)
class Question:
    """What the admin side is asked."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None


async def question_of(options: Options) -> Question:
    """Return what a command line asks for. Raises WrongUsage or FileUnreadable."""
    if options.filters and (options.clear or options.verify is not None):
        given = ", ".join(map(option_of, options.filters))
        raise WrongUsage(f"{given}: for what is shown, and not with --clear or --verify (see client journal --help)")
    host = {} if options.all else {"host": options.site}
    if options.clear:
        return Question("DELETE", "/journal", query=host)
    if options.verify is not None:
        expectations = await aside(partial(read_json, options.verify))
        return Question("POST", "/journal/verify", body=of_host(expectations, host))
    return Question("GET", "/journal", query={**host, **options.filters})


def of_host(expectations: object, host: Mapping[str, str]) -> object:
    """Return expectations with the host in every criteria that name none. What is not as documented stays as it is."""
    if not isinstance(expectations, dict):
        return expectations

    def match(criteria: object) -> object:
        return {**host, **criteria} if isinstance(criteria, dict) else criteria

    def check(name: str, each: object) -> object:
        if name in BARE:
            return match(each)
        return {**each, "match": match(each.get("match", {}))} if isinstance(each, dict) else each

    return {
        name: [check(name, each) for each in value] if name in CHECKS and isinstance(value, list) else value
        for name, value in expectations.items()
    }


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
        line or "-",
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
