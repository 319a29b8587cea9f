"""Plans that were set at run time outlive their site's process: a file keeps them, and the next process reads it.

The file lies in a directory that only sites see, one for each set of hosts. It holds the plans of the hosts whose
latest plan came from the admin side (an empty one too: it was cleared), when each was set, by the wall clock, and the
generation. Times to live go on while nothing runs: a rule whose time is over does not come back. What the rules had
seen begins anew, and the generation goes on growing. What is read is checked as a PUT is.

A file that cannot be written or read never fails the site: one line of the log names the plans that are lost.
"""

import asyncio
import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from services.runtime.files.regular import open_regular
from services.runtime.untrusted import parse_json
from services.sites.faults.active import ActivePlan
from services.sites.faults.plan import BadPlan, Problem, Rule, read_plan
from services.sites.site import Site

MAX_FILE_BYTES = 8 * 1024 * 1024
MODE = 0o600
LEAST_TTL_S = 0.001  # as a plan may say
MOST_TIME_S = 1 << 53  # on either side of 1970: what a float holds to the second
PLAIN_NAME = re.compile(r"[a-z0-9.-]{1,200}")
KEYS = {"generation", "hosts"}
ENTRY_KEYS = {"set_at", "faults"}
FROM_ADMIN = "admin"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A host's plan as it was kept: `set_at_s` by the wall clock."""

    plan: tuple[Rule, ...]
    set_at_s: float

    def left(self, now_s: float) -> tuple[Rule, ...]:
        """Return the rules whose time is not over, each with what is left of it."""
        gone_s = max(0.0, now_s - self.set_at_s)
        return tuple(
            rule if rule.ttl_s is None else replace(rule, ttl_s=rule.ttl_s - gone_s)
            for rule in self.plan
            if rule.ttl_s is None or rule.ttl_s - gone_s >= LEAST_TTL_S
        )


class SavedPlans:
    """The file of one site. `keep` and `restore` are no-ops without a directory."""

    def __init__(self, directory: Path | None, hosts: tuple[str, ...]) -> None:
        self._file = directory / f"plans-{name_of(hosts)}.json" if directory else None
        self._lock = asyncio.Lock()
        self._kept_generation = 0
        self._restored = False
        self._failing = False

    async def keep(self, site: Site) -> None:
        """Write the plans as they are now, unless that has been done since they changed."""
        if not self._file or not self._restored:
            return
        async with self._lock:
            if self._kept_generation == site.generation:
                return
            generation, data = site.generation, written(site)
            trouble = await asyncio.to_thread(put, self._file, data)
            self._kept_generation = generation
        if trouble and not self._failing:
            log.warning("plans that are set now do not survive a restart: %s: %s", self._file, trouble)
        self._failing = bool(trouble)

    async def restore(self, site: Site) -> None:
        """Put the plans in force that the file keeps. Called once, when there are recordings to judge them by."""
        if not self._file or self._restored:
            return
        self._restored = True
        try:
            raw = await asyncio.to_thread(take, self._file)
            if raw is None:
                return
            generation, kept = read_state(raw)
        except (OSError, ValueError, RecursionError, BadPlan) as error:
            log.warning("plans that were set before the restart are lost: %s: %s", self._file, reason_of(error))
            return
        site.generation = max(site.generation, generation)
        for host, each in kept.items():
            put_in_force(site, host, each.left(time.time()))
        await self.keep(site)


def put_in_force(site: Site, host: str, plan: tuple[Rule, ...]) -> None:
    """Set one host's plan; where it no longer fits, its sidecar's stays in force."""
    if host not in site.hosts:
        return
    try:
        site.set_plan(host, plan)
    except BadPlan as error:
        log.warning("%s: the plan that was set before the restart no longer fits: %s", host, error)
    else:
        log.info("%s: the plan that was set before the restart is in force, rules: %s", host, len(plan))


def name_of(hosts: tuple[str, ...]) -> str:
    """Return a file name's part for a set of hosts; none named: all of them."""
    name = "+".join(sorted(hosts)) or "all"
    return name if PLAIN_NAME.fullmatch(name) else hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()


def written(site: Site) -> bytes:
    """Return the file's content for a site as it is now."""
    lasting = {name: host.below or host.latest for name, host in site.hosts.items()}  # a temporary plan is not kept
    hosts = {name: as_json(plan) for name, plan in lasting.items() if plan.source == FROM_ADMIN}
    return json.dumps({"generation": site.generation, "hosts": hosts}, separators=(",", ":")).encode()


def as_json(plan: ActivePlan) -> dict[str, object]:
    """Return what would put a plan in force again."""
    set_at_s = time.time() - (time.monotonic() - plan.since)
    return {"set_at": set_at_s, "faults": [rule.as_json() for rule in plan.plan]}


def put(file: Path, data: bytes) -> str:
    """Replace the file whole, and return why that failed, if it did: the old one is then removed, where it can be."""
    try:
        if len(data) > MAX_FILE_BYTES:
            raise OSError(0, f"they take {len(data):,} bytes, and {MAX_FILE_BYTES:,} is the limit")
        replace_whole(file, data)
    except OSError as error:
        with suppress(OSError):
            file.unlink()  # what it holds is no longer so
        return error.strerror or str(error)
    return ""


def replace_whole(file: Path, data: bytes) -> None:
    """Put a file in its place whole. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as made:
            made.write(data)
            made.flush()
            os.fchmod(made.fileno(), MODE)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def take(file: Path) -> bytes | None:
    """Return the file's content, None where there is none. Raises OSError or ValueError."""
    for part in parts_left(file):
        part.unlink(missing_ok=True)
    try:
        with open_regular(file, follow=False) as kept:
            data = kept.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"is larger than {MAX_FILE_BYTES:,} bytes")
    return data


def parts_left(file: Path) -> Iterator[Path]:
    """Yield what a process that was killed had not put in its place."""
    yield from file.parent.glob(f".{file.name[:100]}.*")


def read_state(raw: bytes) -> tuple[int, Mapping[str, SavedPlan]]:
    """Return the generation, and each host's plan. Raises ValueError, RecursionError or BadPlan."""
    said = parse_json(raw)
    if not isinstance(said, dict) or said.keys() != KEYS:
        raise ValueError("is no file of plans")
    generation, hosts = said["generation"], said["hosts"]
    if type(generation) is not int or not 0 <= generation < 1 << 53 or not isinstance(hosts, dict):
        raise ValueError("has no generation, or no hosts")
    return generation, {host: read_kept(host, entry) for host, entry in hosts.items()}


def read_kept(host: str, entry: object) -> SavedPlan:
    """Return one host's plan. Raises ValueError or BadPlan."""
    if not isinstance(entry, dict) or entry.keys() != ENTRY_KEYS:
        raise ValueError(f"{host[:80]!r} has no plan")
    set_at_s = entry["set_at"]
    if type(set_at_s) not in {int, float} or not -MOST_TIME_S <= set_at_s <= MOST_TIME_S:  # NaN is neither
        raise ValueError(f"{host[:80]!r} has no time")
    try:
        return SavedPlan(read_plan(entry["faults"]), float(set_at_s))
    except BadPlan as error:
        raise BadPlan([Problem(f"{host[:80]}: {each.field}", each.reason) for each in error.problems]) from error


def reason_of(error: Exception) -> str:
    """Return an error's reason, in one line."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return ascii(strerror or str(error) or type(error).__name__)[1:-1][:300]
