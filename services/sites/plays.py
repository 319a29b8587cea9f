"""Plays: responses that the admin API adds to hosts while the site runs. They are gone when the site ends.

A host that is not recorded comes to be by its first play and goes with its last, with its plan and its counts. Plays
are counted in the memory of recordings: both together have the room of one set, since another set is read beside them.
"""

from services.sites.host import Host
from services.sites.replay.candidate import Candidate
from services.sites.replay.match import Match
from services.sites.replay.recording import Recording, unmatched
from services.sites.site import Site, known_names

MAX_PLAYS = 1000  # each request may be compared with all of a host


class PlayRefused(Exception):
    """A play cannot be added; the text says why, and what to do. `field`: the part of the request that is wrong."""

    field = "response"


class PlayConflict(PlayRefused):
    """Another play without `times` is for the same requests, so that one of the two would never be seen."""

    field = "match"


class NoRoom(PlayRefused):
    """The site has as many plays as it takes, or as many bytes."""


class HostElsewhere(PlayRefused):
    """The host is not recorded here, and this site takes no host besides those that it was started with."""

    field = "host"


class UnknownPlay(PlayRefused):
    """A host has no play of this number."""

    field = "id"


class Plays:
    """The plays of a site. Numbers are never given twice."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.last_number = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(len(host.plays) for host in self.site.hosts.values())

    def check_host(self, name: str) -> None:
        """Raise HostElsewhere where a host can have no play on this site."""
        site = self.site
        if name not in site.hosts and (site.settings.hosts or name in site.settings.without):
            known = known_names(site.hosts)
            raise HostElsewhere(f"is not here; this site plays {known}, and takes no other: ask the site that does")

    def add(self, recording: Recording, match: Match, *, times: int | None) -> Candidate:
        """Add a play to a host, before those that it has. Raises PlayRefused, and changes nothing."""
        site, name = self.site, recording.host
        self.check_host(name)
        host = site.hosts.get(name)
        if host and times is None:
            refuse_conflict(host, match)
        if self.count >= MAX_PLAYS:
            raise NoRoom(f"cannot be added: this site has {MAX_PLAYS:,} plays, and that is the limit: delete some")
        play = Candidate(recording, match=match, times=times, number=self.last_number + 1)
        if play.held_bytes > site.recordings_room:
            raise NoRoom(
                f"needs {play.held_bytes:,} bytes, and this site has {max(0, site.recordings_room):,} left for "
                f"recordings and plays: delete plays, or send less"
            )
        self.last_number += 1
        if host is None:
            host = site.hosts[name] = Host(unmatched(name))
        self._set(host, (*host.plays, play))
        return play

    def remove(self, name: str, number: int) -> None:
        """Remove a play. Raises UnknownPlay."""
        host = self.site.hosts[name]
        left = tuple(play for play in host.plays if play.number != number)
        if len(left) == len(host.plays):
            numbers = ", ".join(str(play.number) for play in host.plays[-10:]) or "none"
            raise UnknownPlay(f"is not a play of {name}; it has {numbers}")
        self._set(host, left)

    def remove_all(self, name: str) -> None:
        """Remove all plays of a host; what is recorded of it, with `times` or in a sequence, begins anew."""
        host = self.site.hosts[name]
        host.count_anew()
        self._set(host, ())

    def put_back(self, host: Host, plays: tuple[Candidate, ...]) -> None:
        """Let a host have these plays, which it had before, and be there again if it went with its last one."""
        if plays != host.plays or (plays and host.name not in self.site.hosts):
            self.site.hosts.setdefault(host.name, host)
            self._set(host, plays)

    def _set(self, host: Host, plays: tuple[Candidate, ...]) -> None:
        site = self.site
        before = sum(play.held_bytes for play in host.plays)
        host.play(plays)
        site.count_played_bytes(sum(play.held_bytes for play in plays) - before)
        site.known.clear()
        if not plays and not host.is_recorded:
            del site.hosts[host.name]


def refuse_conflict(host: Host, match: Match) -> None:
    """Raise PlayConflict where a host has a play without `times` that is for the same requests."""
    for play in host.plays:
        if play.times is None and play.match == match:
            raise PlayConflict(
                f"is that of play {play.number} of {host.name}, and neither has `times`: delete play {play.number}, "
                f"or give one of them `times` or another match"
            )
