"""`client journal`: what a site really got and sent, as the site itself saw it.

A server may play several hosts, and has one journal for all of them. This command shows, clears and verifies what is of
SITE, and reaches beyond it only with --all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from services.client.admin.answers import Entry, Journal, NotASite, Verdict, read_counts, read_journal, read_verdict
from services.client.admin.api import Answer, WrongUsage, ask, complain, no_answer, read_json
from services.client.admin.options import option_of
from services.client.admin.tables import columns
from services.client.errors import FetchError
from services.client.settings import ClientSettings
from services.runtime.run import Stop, until_stopped
from services.runtime.tasks import run_in_daemon_thread
from services.runtime.terminal import printable, say, show

MAX_JOURNAL_BYTES = 32 * 1024 * 1024
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
            settings,
            options.site,
            question.method,
            question.path,
            body=question.body,
            query=question.query,
            most_bytes=MAX_JOURNAL_BYTES,
            hint=": ask for fewer entries (--limit)",
        )
        return show_answer(options, answer)
    except FetchError as error:
        return no_answer("journal", options.site, error)


def show_answer(options: Options, answer: Answer) -> int:
    """Show what a site answered, and return the exit code. Raises Stranger for what no site answers."""
    verifies = options.verify is not None
    if answer.status != 200 and not (verifies and answer.status == 409):
        return complain("journal", options.site, answer)
    code = 0
    if verifies:
        verdict = read_verdict(answer.data)
        if verdict.verified is not (answer.status == 200):
            raise NotASite
        shown, told, code = verdict_text(verdict), "", 0 if verdict.verified else 1
    elif options.clear:
        read_counts(answer.data)
        shown, told = "", f"journal: {'all of it' if options.all else options.site} begins anew"
    else:
        journal = read_journal(answer.data)
        counts = journal.counts
        shown = entries_text(journal)
        told = f"journal: total {counts.total}, kept {counts.kept}, dropped {counts.dropped}"
    if options.format == "json":
        show(json.dumps(answer.data))
        return code
    if shown:
        show(shown)
    if told:
        say(told)
    return code


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
        expectations = await run_in_daemon_thread(partial(read_json, options.verify))
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


def entries_text(journal: Journal) -> str:
    """Return entries as a table; nothing where there are none."""
    head = ("entry", "conn", "peer", "request", "status", "sent", "fault", "ended", "took")
    return columns(head, [entry_row(each) for each in journal.entries]) if journal.entries else ""


def entry_row(entry: Entry) -> tuple[str, ...]:
    """Return an entry's cells."""
    line = entry.request_head.partition("\n")[0].rstrip("\r")
    return (
        str(entry.number),
        f"{entry.connection}.{entry.exchange}{' tls' if entry.tls else ''}",
        entry.peer,
        line or "-",
        str(entry.status or "-"),
        str(entry.sent_bytes),
        f"{entry.fault} (plan {entry.generation})" if entry.fault else "-",
        entry.ended or "not yet",
        "-" if entry.ended_s is None else f"{(entry.ended_s - entry.received_s) * 1000:.1f} ms",
    )


def verdict_text(verdict: Verdict) -> str:
    """Return a verdict: a line for each failure, and what came nearest."""
    lines = []
    for each in verdict.failures:
        lines.append(f"{each.check}: expected {each.expected}, found {each.found} {each.reason}")
        lines += [f"    nearest: entry {near.number}: {'; '.join(near.misses) or 'agrees'}" for near in each.nearest]
    if not lines:
        lines = [f"as expected ({verdict.considered} entries)"]
    return "\n".join(printable(line.rstrip()) for line in lines)
