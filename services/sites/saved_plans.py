"""Plans that were set at run time survive a restart: a site saves them in a file, and its next process restores them.

The file is in a directory that only sites see; each set of hosts has one file. It has the generation, and the plan of
each host whose latest plan came from the admin API (an empty plan too: it was cleared), with the time at which it was
set, by the wall clock. Times to live go on while no process runs: a rule whose time is over is not restored. The
counters of the rules start from zero, and the generation goes on growing. The plans in the file are checked like the
body of a PUT.

A site goes on if the file cannot be written or read: one line of the log says what will not survive, or did not.
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
MIN_TTL_S = 0.001  # as a plan may say
MAX_TIME_S = 1 << 53  # on either side of 1970: what a float holds to the second
PLAIN_NAME = re.compile(r"[a-z0-9.-]{1,200}")
KEYS = {"generation", "hosts"}
ENTRY_KEYS = {"set_at", "faults"}
FROM_ADMIN = "admin"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A host's plan in the file. `set_at_s`: when it was set, by the wall clock."""

    plan: tuple[Rule, ...]
    set_at_s: float

    def left(self, now_s: float) -> tuple[Rule, ...]:
        """Return the rules whose time to live is not over, each with the rest of its time."""
        elapsed_s = max(0.0, now_s - self.set_at_s)
        return tuple(
            rule if rule.ttl_s is None else replace(rule, ttl_s=rule.ttl_s - elapsed_s)
            for rule in self.plan
            if rule.ttl_s is None or rule.ttl_s - elapsed_s >= MIN_TTL_S
        )


class SavedPlans:
    """The file of one site. Without a directory, `save` and `restore` do nothing."""

    def __init__(self, directory: Path | None, hosts: tuple[str, ...]) -> None:
        self._file = directory / f"plans-{name_of(hosts)}.json" if directory else None
        self._lock = asyncio.Lock()
        self._saved_generation = 0
        self._restored = False
        self._failing = False

    async def save(self, site: Site) -> None:
        """Write the plans as they are now, unless the file has them already."""
        if not self._file or not self._restored:
            return
        async with self._lock:
            if self._saved_generation == site.generation:
                return
            generation, data = site.generation, serialized(site)
            reason = await asyncio.to_thread(write_or_remove, self._file, data)
            self._saved_generation = generation
        if reason and not self._failing:
            log.warning("plans that are set now do not survive a restart: %s: %s", self._file, reason)
        self._failing = bool(reason)

    async def restore(self, site: Site) -> None:
        """Put the plans of the file in force. It does so once, when the recordings that they have to fit are there."""
        if not self._file or self._restored:
            return
        self._restored = True
        try:
            raw = await asyncio.to_thread(read_file, self._file)
            if raw is None:
                return
            generation, saved = read_saved_plans(raw)
        except (OSError, ValueError, RecursionError, BadPlan) as error:
            log.warning("plans that were set before the restart are lost: %s: %s", self._file, reason_of(error))
            return
        site.generation = max(site.generation, generation)
        for host, each in saved.items():
            put_in_force(site, host, each.left(time.time()))
        await self.save(site)


def put_in_force(site: Site, host: str, plan: tuple[Rule, ...]) -> None:
    """Set one host's plan. If it does not fit the host any more, the sidecar's plan stays in force."""
    if host not in site.hosts:
        return
    try:
        site.set_plan(host, plan)
    except BadPlan as error:
        log.warning("%s: the plan that was set before the restart no longer fits: %s", host, error)
    else:
        log.info("%s: the plan that was set before the restart is in force, rules: %s", host, len(plan))


def name_of(hosts: tuple[str, ...]) -> str:
    """Return the part of the file's name for a set of hosts; an empty set means all hosts."""
    name = "+".join(sorted(hosts)) or "all"
    return name if PLAIN_NAME.fullmatch(name) else hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()


def serialized(site: Site) -> bytes:
    """Return the file's content for a site as it is now."""
    # A temporary plan is not saved, nor is that of a host which is there by a play.
    lasting = {name: host.below or host.latest for name, host in site.hosts.items() if host.is_recorded}
    hosts = {name: as_json(plan) for name, plan in lasting.items() if plan.source == FROM_ADMIN}
    return json.dumps({"generation": site.generation, "hosts": hosts}, separators=(",", ":")).encode()


def as_json(plan: ActivePlan) -> dict[str, object]:
    """Return a plan as `read_saved_plan` takes it."""
    set_at_s = time.time() - (time.monotonic() - plan.since)
    return {"set_at": set_at_s, "faults": [rule.as_json() for rule in plan.plan]}


def write_or_remove(file: Path, data: bytes) -> str:
    """Replace the file, and return an empty text. If that fails, remove the old file, if possible, and return why."""
    try:
        if len(data) > MAX_FILE_BYTES:
            raise OSError(0, f"they take {len(data):,} bytes, and {MAX_FILE_BYTES:,} is the limit")
        replace_whole(file, data)
    except OSError as error:
        with suppress(OSError):
            file.unlink()  # its plans are not the latest any more
        return error.strerror or str(error)
    return ""


def replace_whole(file: Path, data: bytes) -> None:
    """Replace a file in one step, by a new file that is renamed to its name. Raises OSError."""
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


def read_file(file: Path) -> bytes | None:
    """Return the file's content, None if there is no file. Raises OSError or ValueError."""
    for leftover in leftovers(file):
        leftover.unlink(missing_ok=True)
    try:
        with open_regular(file, follow=False) as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"is larger than {MAX_FILE_BYTES:,} bytes")
    return data


def leftovers(file: Path) -> Iterator[Path]:
    """Yield the new files of processes that were killed before they renamed them."""
    yield from file.parent.glob(f".{file.name[:100]}.*")


def read_saved_plans(raw: bytes) -> tuple[int, Mapping[str, SavedPlan]]:
    """Return the generation, and the plan of each host. Raises ValueError, RecursionError or BadPlan."""
    data = parse_json(raw)
    if not isinstance(data, dict) or data.keys() != KEYS:
        raise ValueError("is no file of plans")
    generation, hosts = data["generation"], data["hosts"]
    if type(generation) is not int or not 0 <= generation < 1 << 53 or not isinstance(hosts, dict):
        raise ValueError("has no generation, or no hosts")
    return generation, {host: read_saved_plan(host, entry) for host, entry in hosts.items()}


def read_saved_plan(host: str, entry: object) -> SavedPlan:
    """Return one host's plan. Raises ValueError or BadPlan."""
    if not isinstance(entry, dict) or entry.keys() != ENTRY_KEYS:
        raise ValueError(f"{host[:80]!r} has no plan")
    set_at_s = entry["set_at"]
    if type(set_at_s) not in {int, float} or not -MAX_TIME_S <= set_at_s <= MAX_TIME_S:  # NaN is neither
        raise ValueError(f"{host[:80]!r} has no time")
    try:
        return SavedPlan(read_plan(entry["faults"]), float(set_at_s))
    except BadPlan as error:
        raise BadPlan([Problem(f"{host[:80]}: {each.field}", each.reason) for each in error.problems]) from error


def reason_of(error: Exception) -> str:
    """Return an error's reason, in one line."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return ascii(strerror or str(error) or type(error).__name__)[1:-1][:300]
