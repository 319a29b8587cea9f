"""`client journal`: the requests that a site got and the answers that it sent, as the site itself recorded them.

A server may play several hosts, and has one journal for all of them. This command shows, clears and verifies the
entries of SITE, and those of the other hosts only with --all. With --all and without SITE, every server of the lab is
asked: those of the embedded lab are one; behind the gateway of a lab in containers, each host is asked for its own.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from services.client.admin.answers import Counts, Entry, Journal, NotASite, Verification, read
from services.client.admin.api import Answer, WrongUsage, ask, read_json, report_no_answer, report_refusal
from services.client.admin.options import option_of
from services.client.admin.tables import columns, cut
from services.client.errors import FetchError
from services.client.settings import ClientSettings
from services.runtime.http import ADMIN_PORT
from services.runtime.run import Stop, until_stopped
from services.runtime.tasks import run_in_daemon_thread
from services.runtime.terminal import printable, say, show

REQUEST_WIDE, RESPONSE_WIDE = 80, 40  # characters of a column, also in a pipe; --format json has all of them
MAX_JOURNAL_BYTES = 32 * 1024 * 1024
BARE = {"order", "absent"}  # the items of these checks are criteria; those of the others have them under `match`
CHECKS = BARE | {"expect", "at_once"}


@dataclass(frozen=True, slots=True)
class Options:
    """`site`: None for every host; `filters`: by name, as in the query; `verify`: expectations as JSON, or a file."""

    site: str | None
    all: bool
    clear: bool
    verify: str | None
    filters: Mapping[str, str]
    format: str


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Run the command. Exit codes: 0 done or as expected, 1 not as expected or refused, 3 bad file, 4 no answer."""
    return await until_stopped(ask_sites(options, settings), stop)


async def ask_sites(options: Options, settings: ClientSettings) -> int:
    """Ask one site, or every server of the lab in turn; return the worst exit code. Raises WrongUsage."""
    parts = [options] if options.site else each_server(options, settings)
    codes = []
    for part in parts:
        if len(parts) > 1 and options.format == "human" and not options.clear:
            say(f"journal {part.site}:")
        codes.append(await ask_site(part, settings))
    return max(codes)


def each_server(options: Options, settings: ClientSettings) -> list[Options]:
    """Return the options for each server of the lab, as for one that a person names. Raises WrongUsage."""
    if not options.all:
        raise WrongUsage("journal: which site? Name one, as www.163.com, or say --all")
    topology = settings.topology
    admin = {host: address for (host, port), address in topology.routes.items() if port == ADMIN_PORT}
    if not admin:
        raise WrongUsage(
            "journal --all: this client does not know which hosts there are: name a SITE, or give --lab URL"
        )
    if topology.gateway is not None:  # which hosts share a server cannot be seen from here
        parts = [replace(options, site=host, all=False) for host in sorted(admin)]
    else:
        servers = {address: host for host, address in sorted(admin.items(), reverse=True)}
        parts = [replace(options, site=host) for host in sorted(servers.values())]
    if len(parts) > 1 and options.verify is not None:
        raise WrongUsage("journal --verify: the hosts of this lab have several journals: name a SITE")
    return parts


def site_of(options: Options) -> str:
    """Return the site that these options are for; `each_server` names one."""
    return options.site or ""


async def ask_site(options: Options, settings: ClientSettings) -> int:
    """Send the request, and show the answer."""
    site, request = site_of(options), await request_of(options)
    try:
        answer = await ask(
            settings,
            site,
            request.method,
            request.path,
            body=request.body,
            query=request.query,
            most_bytes=MAX_JOURNAL_BYTES,
            hint=": ask for fewer entries (--limit)",
        )
        return show_answer(options, answer)
    except FetchError as error:
        return report_no_answer("journal", site, error)


def show_answer(options: Options, answer: Answer) -> int:
    """Show the answer of a site, and return the exit code. Raises NotASite for an answer that no site gives."""
    verifies = options.verify is not None
    if answer.status != 200 and not (verifies and answer.status == 409):
        return report_refusal("journal", site_of(options), answer)
    code = 0
    if verifies:
        verification = read(Verification, answer.data)
        if verification.verified is not (answer.status == 200):
            raise NotASite
        text, message, code = verification_text(verification), "", 0 if verification.verified else 1
    elif options.clear:
        read(Counts, answer.data)
        text, message = "", f"journal: {'all of it' if options.all else site_of(options)} begins anew"
    else:
        journal = read(Journal, answer.data)
        text = entries_text(journal)
        message = f"journal: total {journal.total}, kept {journal.kept}, dropped {journal.dropped}"
    if options.format == "json":
        show(json.dumps(answer.data))
        return code
    if text:
        show(text)
    if message:
        say(message)
    return code


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the admin API."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None


async def request_of(options: Options) -> Request:
    """Return the request for these options. Raises WrongUsage or FileUnreadable."""
    if options.filters and (options.clear or options.verify is not None):
        given = ", ".join(map(option_of, options.filters))
        raise WrongUsage(f"{given}: for what is shown, and not with --clear or --verify (see client journal --help)")
    host = {} if options.all else {"host": site_of(options)}
    if options.clear:
        return Request("DELETE", "/journal", query=host)
    if options.verify is not None:
        expectations = await run_in_daemon_thread(partial(read_json, options.verify))
        return Request("POST", "/journal/verify", body=of_host(expectations, host))
    return Request("GET", "/journal", query={**host, **options.filters})


def of_host(expectations: object, host: Mapping[str, str]) -> object:
    """Return expectations with the host added to all criteria without one. The site checks everything else in them."""
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
    """Return entries as a table; an empty text if there are none. It has columns for what an entry of it has."""
    entries = journal.entries
    if not entries:
        return ""
    optional = {"body": any(each.body_bytes for each in entries), "response": any(map(has_other_response, entries))}
    shown = [name for name in CELLS if optional.get(name, True)]
    return columns(shown, [[CELLS[name](each) for name in shown] for each in entries])


def has_other_response(entry: Entry) -> bool:
    """Return whether an entry's response is not from the host's own recording."""
    return entry.response not in {None, f"{entry.host}.http"}


CELLS: Mapping[str, Callable[[Entry], str]] = {
    "entry": lambda each: str(each.entry),
    "conn": lambda each: f"{each.connection}.{each.exchange}{' tls' if each.tls else ''}",
    "peer": lambda each: each.peer,
    "request": lambda each: cut(each.request_head.partition("\n")[0].rstrip("\r"), REQUEST_WIDE) or "-",
    "body": lambda each: str(each.body_bytes),
    "status": lambda each: str(each.status or "-"),
    "response": lambda each: cut(each.response or "-", RESPONSE_WIDE),
    "sent": lambda each: str(each.sent_bytes),
    "fault": lambda each: f"{each.fault} (plan {each.generation})" if each.fault else "-",
    "ended": lambda each: each.ended or "not yet",
    "took": lambda each: "-" if each.ended_s is None else f"{(each.ended_s - each.received_s) * 1000:.1f} ms",
}
"""The columns of the table, by their names."""


def verification_text(verification: Verification) -> str:
    """Return a line for each check that fails, with the nearest entries below it."""
    lines = []
    for each in verification.failures:
        lines.append(f"{each.check}: expected {each.expected}, found {each.found} {each.reason or ''}")
        lines += [f"    found: entry {met.entry}" for met in each.met or ()]
        lines += [f"    nearest: entry {near.entry}: {'; '.join(near.misses) or 'agrees'}" for near in each.nearest]
    if not lines:
        lines = [f"as expected ({verification.considered} entries)"]
    return "\n".join(printable(line.rstrip()) for line in lines)
