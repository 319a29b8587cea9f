"""Plays over HTTP: a test adds responses of its own to a host, sees what a host answers with, and removes plays.

A change is in force for every request that comes whole after the answer. `new_play` reads what is added.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager

from aiohttp import web

from services.runtime.errors import PortUnavailable
from services.runtime.http import HOST_NAME, is_ip_address
from services.runtime.playable import MAX_RECORDING_BYTES
from services.sites.admin.bounds import SITE, answer_deadline, reserved, stream
from services.sites.admin.faults import RECONCILE
from services.sites.admin.journal.query import is_digits
from services.sites.admin.new_play import NewPlay, read_play, read_play_query, read_raw_response
from services.sites.admin.responses import MAX_BODY_BYTES, BadRequest, host_of, host_pieces, json_response, read_json
from services.sites.checkpoints import UnknownCheckpoint
from services.sites.faults.plan import Problem
from services.sites.host import Host
from services.sites.plays import HostElsewhere, NoRoom, PlayConflict, PlayRefused, Plays, UnknownPlay
from services.sites.replay.candidate import Candidate
from services.sites.site import Site

PLAYS = web.AppKey("PLAYS", Plays)
AS_IT_IS = "application/http"
RESERVED = frozenset({"gateway", "hello", "localhost"})
REFUSALS: Mapping[type[PlayRefused], tuple[int, str]] = {
    HostElsewhere: (404, "unknown_host"),
    UnknownPlay: (404, "unknown_play"),
    PlayConflict: (409, "play_conflict"),
    NoRoom: (413, "no_room"),
    UnknownCheckpoint: (404, "unknown_checkpoint"),
}


async def add(request: web.Request) -> web.Response:
    """Add a play, and its host where there is none of that name."""
    plays, name = request.app[PLAYS], request.match_info["host"].lower()
    if not HOST_NAME.fullmatch(name):
        reason = (
            "is not a host name: letters, digits, dots and hyphens, 63 between two dots and 253 in all; "
            "a name in another alphabet is played as clients ask for it (xn--...)"
        )
        raise BadRequest(422, "bad_play", [Problem("host", reason)])
    if name in RESERVED or is_ip_address(name):
        reason = "is an address, or a name that the lab has already: play another one, such as api.example"
        raise BadRequest(422, "bad_play", [Problem("host", reason)])
    with refused_plays():
        plays.check_host(name)  # before the body is read
    if request.content_type == AS_IT_IS:
        new = await read_large(request, name)
    else:
        new = read_play(name, await read_body(request))
    is_new = name not in request.app[SITE].hosts
    with refused_plays():
        play = plays.add(new.recording, new.match, times=new.times)
    try:
        if is_new:  # it has ports to open
            await request.app[RECONCILE]()
    except PortUnavailable:
        with refused_plays():
            plays.remove(name, play.number)
        raise
    return json_response({"host": name, **play_json(play)}, status=201)


async def read_body(request: web.Request) -> object:
    """Return the JSON of a play. Raises BadRequest, and PeerLeft."""
    try:
        return await read_json(request)
    except web.HTTPRequestEntityTooLarge as error:
        reason = (
            f"has more than {MAX_BODY_BYTES >> 20} MiB of JSON, in which the response of a play has about "
            f"{MAX_BODY_BYTES * 3 // 4 // 1024 // 50 * 50} KiB: send a larger one, up to "
            f"{MAX_RECORDING_BYTES >> 20} MiB, as it is and as {AS_IT_IS}"
        )
        raise BadRequest(413, "too_large", [Problem("body", reason)]) from error


async def read_large(request: web.Request, name: str) -> NewPlay:
    """Return a play whose response is the body, as it is. Raises BadRequest, Busy, PeerLeft.

    The body is held until it is whole, in memory that is taken from the answers'.
    """
    match, times = read_play_query(request.query)
    length = request.content_length
    size = MAX_RECORDING_BYTES if length is None else length
    raw = bytearray()
    with reserved(request.app[SITE], min(size, MAX_RECORDING_BYTES)):
        async with answer_deadline(request):
            if size <= MAX_RECORDING_BYTES:
                async for piece in request.content.iter_any():
                    raw += piece
                    if len(raw) > MAX_RECORDING_BYTES:
                        break
        if max(size, len(raw)) > MAX_RECORDING_BYTES:
            reason = f"has more than {MAX_RECORDING_BYTES >> 20} MiB, which is the limit of a response"
            raise BadRequest(413, "too_large", [Problem("body", reason)])
        return NewPlay(read_raw_response(name, bytes(raw)), match, times)


async def all_hosts(request: web.Request) -> web.StreamResponse:
    """Return what every host answers with, as a stream."""
    return await stream(request, pieces(request.app[SITE]))


async def pieces(site: Site) -> AsyncIterator[bytes]:
    """Yield what every host answers with."""
    for piece in host_pieces(site, host_json):
        yield piece
    yield b"}"


async def of_host(request: web.Request) -> web.StreamResponse:
    """Return what one host answers with."""
    return json_response(host_json(host_of(request)))


async def remove(request: web.Request) -> web.Response:
    """Remove a play, and with the last one a host that is not recorded."""
    host, text = host_of(request), request.match_info["id"]
    number = int(text) if is_digits(text) else 0
    with refused_plays():
        request.app[PLAYS].remove(host.name, number)
    return await left(request, host)


async def remove_all(request: web.Request) -> web.Response:
    """Remove every play of a host, and let its recordings begin anew."""
    host = host_of(request)
    request.app[PLAYS].remove_all(host.name)
    return await left(request, host)


async def left(request: web.Request, host: Host) -> web.Response:
    """Return what a host still answers with; one that has gone has shut its ports then."""
    if host.name not in request.app[SITE].hosts:
        await request.app[RECONCILE]()
    return json_response(host_json(host))


async def remove_all_of_all(request: web.Request) -> web.StreamResponse:
    """Remove every play of every host, and let all recordings begin anew."""
    return await stream(request, remove_and_show(request))


async def remove_and_show(request: web.Request) -> AsyncIterator[bytes]:
    """Remove all plays, and yield what is left. It runs in the stream: without memory for that, nothing is changed."""
    site = request.app[SITE]
    for name in list(site.hosts):
        request.app[PLAYS].remove_all(name)
    await request.app[RECONCILE]()
    async for piece in pieces(site):
        yield piece


@contextmanager
def refused_plays() -> Iterator[None]:
    """Turn a refused play into a refusal of its request, while inside."""
    try:
        yield
    except PlayRefused as refused:
        status, word = REFUSALS[type(refused)]
        raise BadRequest(status, word, [Problem(refused.field, str(refused))]) from refused


def host_json(host: Host) -> dict[str, object]:
    """Return what a host answers with, in the order in which it is tried."""
    own = [host.own] if host.own.label else []
    return {
        "host": host.name,
        "plays": [play_json(play) for play in reversed(host.plays)],
        "recordings": [{"name": each.label, **candidate_json(each)} for each in (*host.recorded, *own)],
    }


def play_json(play: Candidate) -> dict[str, object]:
    """Return a play as it is now."""
    return {"id": play.number, **candidate_json(play)}


def candidate_json(candidate: Candidate) -> Mapping[str, object]:
    """Return what is known of a candidate."""
    recording = candidate.recording
    return {
        "match": candidate.match.as_json(),
        "times": candidate.times,
        "left": candidate.left,
        "status": recording.status,
        "head_bytes": len(recording.head),
        "body_bytes": len(recording.body),
        "sha256": recording.sha256,
    }
