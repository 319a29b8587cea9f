"""`client record URL URL...`, and `-L`: many responses in one run, a few at once, written in the order of the URLs.

What a host's own recording is, and so the name of every file, is decided by the command line and never by which server
answers first. A response is held until the URLs before it are done, so memory is bounded by AT_ONCE chains.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from ssl import SSLContext

from services.client.errors import FetchError
from services.client.record.chain import Chain, Hop, fetch_chain
from services.client.record.command import CannotAsk, context_of, summary
from services.client.record.destinations import Destinations, check_host
from services.client.record.fetch import CutShort
from services.client.record.fetch_request import FetchRequest, read_field, request_bytes, source_of
from services.client.record.files import RecordingExists
from services.client.record.options import Options
from services.client.record.provenance import about_recording, body_source, masked
from services.client.record.request_match import RequestMatch, Unmatchable, match_of
from services.client.survey.fetch.request_fields import for_another_origin
from services.client.topology import Topology
from services.client.url.url import Url
from services.runtime.playable import why_unplayable
from services.runtime.terminal import printable, say

AT_ONCE = 8
DECIDED = frozenset({"usage", "redirect_loop", "too_many_redirects"})  # found here, and not said by a server
KEPT, SOME_FAILED, NO_ANSWER = 0, 1, 4

Key = tuple[str, RequestMatch]


async def record_several(options: Options, topology: Topology) -> int:
    """Record each URL, and with `follow` where it leads.

    Returns 0 if all is kept, 4 if nothing answered, else 1. Raises CannotAsk, RecordingExists or CannotWrite.
    """
    run = SeveralRecordings(options)
    sources = run.understand(options.urls)
    await asyncio.to_thread(run.decide, sources)
    waiting: deque[asyncio.Task[Chain]] = deque()
    async with asyncio.TaskGroup() as fetches:
        for source in sources:
            if len(waiting) == AT_ONCE:
                await run.keep(await waiting.popleft())
            waiting.append(fetches.create_task(fetch_chain(source, run.request_for, topology, follow=options.follow)))
        while waiting:
            await run.keep(await waiting.popleft())
    return run.exit_code


class SeveralRecordings:
    """What was asked for, and what has been recorded of it. Raises CannotAsk where a field is none."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._destinations = Destinations(Path(options.output), force=options.force)
        self._recorded: dict[Key, str] = {}
        self._codes: set[int] = set()
        try:
            self._fields = tuple(read_field(field) for field in options.fields)
        except FetchError as error:
            raise CannotAsk(f"record: {printable(error.detail)}") from error

    @property
    def exit_code(self) -> int:
        """0 if all is kept, 4 if nothing answered, else 1."""
        return self._codes.pop() if len(self._codes) == 1 else SOME_FAILED

    def understand(self, urls: Sequence[str]) -> list[Url]:
        """Return what is asked for, each URL once. Raises CannotAsk."""
        sources: dict[Url, None] = {}
        for text in urls:
            try:
                source = source_of(text)
                self._key(source)
                sources[source] = None
            except FetchError as error:
                raise CannotAsk(f"record {printable(text)[:200]}: {printable(error.detail)}") from error
        return [*sources]

    def decide(self, sources: Sequence[Url]) -> None:
        """Choose each host's own recording. Raises RecordingExists, unless with --force, or CannotWrite. Blocks."""
        keys = [self._key(source) for source in sources]
        self._destinations.prefer(keys)
        for host, match in keys if not self._options.force else []:
            self._destinations.of(host, match).refuse_existing()

    def request_for(self, url: Url, is_elsewhere: bool) -> FetchRequest:
        """Return the request for a URL. Another origin does not get the fields that are meant for the first one."""
        fields = for_another_origin(self._fields) if is_elsewhere else self._fields
        return FetchRequest(
            source=url,
            request=request_bytes(url, fields),
            timeout_s=self._options.timeout_s,
            max_body=None if self._options.head_only else self._options.max_body,
            tls=self._tls if url.scheme == "https" else None,
        )

    async def keep(self, chain: Chain) -> None:
        """Write what came, and say so. Raises CannotWrite."""
        for index, hop in enumerate(chain.hops):
            await self._keep_hop(hop, chain.hops[index + 1 :])
        if chain.failed and chain.error:
            more = ": --head-only records the head" if isinstance(chain.error, CutShort) else ""
            detail = f"{chain.error.detail}{more}" if more or chain.error.kind in DECIDED else str(chain.error)
            self._note(chain.failed, detail, SOME_FAILED if chain.hops or more else NO_ANSWER)

    async def _keep_hop(self, hop: Hop, later: Sequence[Hop]) -> None:
        url, response = hop.request.source, hop.response
        try:
            key = self._key(url)
            if twin := next((each.request.source for each in later if self._is_key(each.request.source, key)), None):
                say(f"record {printable(url.text)}: left out: a site answers as {printable(twin.text)} here")
                return
        except FetchError as error:
            self._note(url, error.detail, SOME_FAILED)
            return
        if key in self._recorded:
            self._repeated(url, self._recorded[key])
            return
        recording = masked(response, keep_secrets=self._options.keep_secrets)
        if reason := why_unplayable(recording.raw, body_source(response)):
            self._note(url, f"left out: no site can play it: {reason}", SOME_FAILED)
            return
        about = about_recording(hop.request, response, recording, when=datetime.now(UTC))
        try:
            where = await asyncio.to_thread(self._destinations.save, *key, raw=recording.raw, about=about)
        except RecordingExists as error:
            self._note(url, str(error), SOME_FAILED)
            return
        self._recorded[key] = url.text
        self._codes.add(KEPT if response.whole else SOME_FAILED)
        for line in summary(str(where), response, recording, self._options):
            say(line)

    def _repeated(self, url: Url, other: str) -> None:
        if url.text == other:
            say(f"record {printable(url.text)}: recorded already")
        else:
            self._note(url, f"left out: a site cannot tell it from {other}", SOME_FAILED)

    def _note(self, url: Url, detail: str, code: int) -> None:
        self._codes.add(code)
        say(f"record {printable(url.text)}: {printable(detail)}")

    def _key(self, url: Url) -> Key:
        """Return what a site knows of a request for a URL. Raises FetchError (usage)."""
        check_host(url.host)
        try:
            return url.host, match_of("GET", url.path, keep_secrets=self._options.keep_secrets)
        except Unmatchable as error:
            raise FetchError("usage", str(error)) from error

    def _is_key(self, url: Url, key: Key) -> bool:
        try:
            return self._key(url) == key
        except FetchError:
            return False

    @cached_property
    def _tls(self) -> SSLContext:
        return context_of(self._options)
