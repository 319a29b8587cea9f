"""Your own sites: a directory of recordings becomes part of the lab, each under its name, with no edit to YAML.

Compose cannot list a directory, so `lab up` does, and writes what follows from it into a third Compose file: the
aliases of the service `recorded`, and one replica instead of none. `.env` remembers the three files, so that plain
`docker compose` commands see what the lab sees. Without recordings there is neither.

A recording of a host that the lab brings along (www.163.com) replaces that one: its own service plays your bytes.
"""

import json
import os
import shlex
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lab import settings
from lab.errors import LabError, RecordingsUnusable
from services.runtime.files import ownership
from services.runtime.files.regular import mode_of, open_regular
from services.runtime.http import HOST_NAME
from services.runtime.playable import is_recording
from services.runtime.terminal import printable

ROOT = Path(__file__).parent.parent
USUAL = "recordings"
MOST = 10_000  # as many as a site plays
FILES = ("compose.yaml", "compose.override.yaml")
GENERATED = "build/compose.recordings.yaml"
HEADER = "# Made by `lab up` from the directory of recordings, and made anew each time: edits are lost.\n"
MOUNTED_AT = "/recordings"
SITES_ID = 65532  # uid and gid of every service
SITE_MEMORY_BYTES = 512 * 1024 * 1024  # as compose.yaml has it
SLIP = "correct it or leave it out"
BROUGHT_ALONG = {"www.sina.com.cn": "sina", "www.sohu.com": "sohu", "www.163.com": "netease"}

Json = str | int | bool | Sequence["Json"] | Mapping[str, "Json"]


def directory(
    root: Path = ROOT, *, environ: Mapping[str, str] = os.environ, known: Mapping[str, str] | None = None
) -> Path:
    """Return where a person's recordings are: LAB_RECORDINGS of the environment or `.env`, else `recordings/`.

    It need not be there: `lab record` makes it. `known`: those of both, where they have been read already. Raises
    EnvFileBroken, EnvFileUnreadable or RecordingsUnusable.
    """
    path = Path(named(root, environ, known) or USUAL)
    try:
        return root / path.expanduser()
    except RuntimeError as error:  # ~somebody, who has no home here
        raise RecordingsUnusable(path, "is in nobody's home, and LAB_RECORDINGS names it", SLIP) from error


def to_play(
    root: Path = ROOT, *, environ: Mapping[str, str] = os.environ, known: Mapping[str, str] | None = None
) -> Path:
    """Return `directory` for a lab that is to play what is in it.

    The usual one need not be there; one that a person named and that is not is a slip, and a lab without the sites that
    were meant would be a riddle. Raises what `directory` raises.
    """
    found = directory(root, environ=environ, known=known)
    if named(root, environ, known) and (what := why_unusable(found)):
        raise RecordingsUnusable(found, f"{what}, and LAB_RECORDINGS names it", SLIP)
    return found


def why_unusable(path: Path) -> str:
    """Return what keeps a path from being a directory; nothing if it is one."""
    try:
        mode = mode_of(path)
    except OSError as error:  # a name that is too long
        return f"cannot be read ({error.strerror})"
    if mode is None:
        return "does not exist"
    return "" if stat.S_ISDIR(mode) else "is not a directory"


def named(root: Path, environ: Mapping[str, str], known: Mapping[str, str] | None) -> str:
    """Return what LAB_RECORDINGS says; nothing if it says nothing."""
    said = settings.settings(environ, root / ".env") if known is None else known
    return said.get("LAB_RECORDINGS") or ""


def hosts(recorded: Path) -> list[str]:
    """Return the hosts that are recorded in a directory, in order; none if it is not there.

    Raises RecordingsUnusable for a file whose name is no host name: it would be a name in the lab's network.
    """
    try:
        files = sorted(file.name for file in recorded.iterdir() if is_recording(file.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        remedy = "let yourself and the sites read it (chmod a+rx), or name another in LAB_RECORDINGS"
        raise RecordingsUnusable(recorded, f"cannot be read ({error.strerror})", remedy) from error
    for name in files:
        if not HOST_NAME.fullmatch(name.removesuffix(".http")):
            shown = printable(name.encode("utf-8", "replace").decode("utf-8"))[:80]
            raise RecordingsUnusable(
                recorded, f"holds {shown!r}, which is not a host name in lower case followed by .http", "rename it"
            )
    if len(files) > MOST:
        raise RecordingsUnusable(recorded, f"holds {len(files):,} recordings", f"{MOST:,} is the limit")
    return [name.removesuffix(".http") for name in files]


def check(recorded: Path) -> None:
    """Read what is recorded as the sites will that are to play it, each its own part.

    Raises RecordingsUnusable for the first file that they could not read or play.
    """
    found = hosts(recorded)
    if not found:
        return
    from services.sites.faults.plan import BadPlan
    from services.sites.replay.directory import BadRecording, RecordingDirectory, TooLarge
    from services.sites.settings import SitesSettings
    from services.sites.site import Site

    check_path(recorded)
    check_readable(recorded, found)
    contained = SitesSettings(directory=recorded, memory_bytes=SITE_MEMORY_BYTES)
    parts = [replace(contained, hosts=(host,)) for host in found if host in BROUGHT_ALONG]
    if any(host not in BROUGHT_ALONG for host in found):
        parts.append(replace(contained, without=tuple(BROUGHT_ALONG)))
    for part in parts:
        site = Site(part)
        room_bytes = site.budget.recordings_room
        try:
            site.adopt(
                RecordingDirectory(part.directory, part.hosts, without=part.without, room_bytes=room_bytes).load()
            )
        except TooLarge as error:
            raise RecordingsUnusable(recorded, f"is {error.what}", error.remedy) from error
        except (BadRecording, BadPlan) as error:
            raise RecordingsUnusable(recorded, f"cannot be played: {error}", "mend or remove it") from error


def check_path(recorded: Path) -> None:
    """Raise RecordingsUnusable for a path that cannot be told to Compose."""
    text = str(recorded.resolve())
    if not text.isprintable():  # a line end, or bytes that are no UTF-8
        shown = Path(ascii(text)[1:-1])
        raise RecordingsUnusable(shown, "cannot be named in a Compose file", "give it a plain name in UTF-8")


def check_readable(recorded: Path, found: Sequence[str]) -> None:
    """Raise RecordingsUnusable for what the uid of the sites may not read: in a container it has no other rights."""
    if not sys.platform.startswith("linux"):
        return  # Docker's own machine there shares files as the person
    files = [recorded, *(recorded / f"{host}{ending}" for host in found for ending in (".http", ".toml"))]
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue  # a sidecar that is not there, or what the site's own reader has the words for
        needed = 0o5 if stat.S_ISDIR(status.st_mode) else 0o4
        if stat.S_IMODE(status.st_mode) & needed != needed and not may_read_otherwise(file, status):
            remedy = f"chmod a+r{'x' if needed & 1 else ''} {shlex.quote(str(file))}"
            raise RecordingsUnusable(file, "is not readable for the sites (Permission denied)", remedy)


def may_read_otherwise(file: Path, status: os.stat_result) -> bool:
    """Return whether a file is the sites' own, or has a list of who else may read it."""
    if SITES_ID in (status.st_uid, status.st_gid):
        return True
    try:
        return "system.posix_acl_access" in os.listxattr(file)
    except OSError:
        return False


def write_compose_override(root: Path, recorded: Path) -> int:
    """Make Compose see what is recorded now, and return how many hosts that is.

    Nothing is written that is there already. Raises RecordingsUnusable, SettingUnfit, EnvFileBroken, EnvFileUnreadable
    or EnvFileUnwritable; what was there before is then still there.
    """
    found = hosts(recorded)
    if not found:
        remove_compose_override(root)
        return 0
    check_path(recorded)
    text = HEADER + json.dumps(compose_file(recorded.resolve(), found), indent=2) + "\n"  # JSON is YAML
    before = compose_override(root)
    if before != text:
        put(root, text)
    try:
        remember_files(root / ".env")
    except LabError:
        put_back(root, before)
        raise
    return len(found)


def remove_compose_override(root: Path) -> None:
    """Forget what `write_compose_override` wrote.

    Raises RecordingsUnusable, EnvFileBroken, EnvFileUnreadable or EnvFileUnwritable.
    """
    forget_files(root / ".env")
    if compose_override(root) is not None:
        put(root, None)


def compose_override(root: Path) -> str | None:
    """Return what `write_compose_override` wrote, None if there is nothing of it. Raises RecordingsUnusable."""
    try:
        with open_regular(root / GENERATED) as file:
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unwritable(root / GENERATED, error) from error


def put_back(root: Path, before: str | None) -> None:
    """Undo a `write_compose_override`: `before` is what `compose_override` returned ahead of it.

    Raises what `remove_compose_override` raises.
    """
    if before is None:
        remove_compose_override(root)
    else:
        put(root, before)
        remember_files(root / ".env")


def put(root: Path, text: str | None) -> None:
    """Write the generated file, or remove it. Raises RecordingsUnusable."""
    generated = root / GENERATED
    try:
        if text is None:
            generated.unlink(missing_ok=True)
        else:
            ownership.make_directory(generated.parent)
            ownership.write(generated, text)
    except OSError as error:
        raise unwritable(generated, error) from error


def unwritable(file: Path, error: OSError) -> RecordingsUnusable:
    """Return the error for a generated file that the system does not give or take."""
    return RecordingsUnusable(file, f"cannot be written ({error.strerror})", "make it and its directory writable")


def files(root: Path) -> list[str | Path]:
    """Return the lab's Compose files."""
    return [path for path in (*(root / name for name in FILES), root / GENERATED) if path.is_file()]


def compose_file(recorded: Path, found: Sequence[str]) -> Json:
    """Return what Compose has to add for these hosts, in this directory."""
    own = [host for host in found if host not in BROUGHT_ALONG]
    services: dict[str, Json] = {}
    for host in found:
        if host in BROUGHT_ALONG:
            services[BROUGHT_ALONG[host]] = {
                "environment": {"SITES_RECORDINGS": MOUNTED_AT},
                **seen(recorded),
            }
    if own:
        services["recorded"] = {
            "deploy": {"replicas": 1},
            "environment": {"SITES_WITHOUT": " ".join(BROUGHT_ALONG)},
            "networks": {"lab": {"aliases": own}},
            **seen(recorded),
        }
        services["client"] = {"depends_on": {"recorded": {"condition": "service_healthy"}}}
    return {"services": services}


def seen(recorded: Path) -> dict[str, Json]:
    """Return how a service sees the directory. It watches it: what changes there needs no new container."""
    mount: dict[str, Json] = {
        "type": "bind",
        "source": str(recorded).replace("$", "$$"),
        "target": MOUNTED_AT,
        "read_only": True,
        "bind": {"create_host_path": False},
    }
    return {"volumes": [mount]}


def remember_files(env_file: Path) -> None:
    """Let plain `docker compose` read the generated file too, beside whatever files a person chose."""
    chosen = settings.read(env_file).get("COMPOSE_FILE") or os.pathsep.join(FILES)
    if GENERATED not in chosen.split(os.pathsep):
        settings.remember(env_file, "COMPOSE_FILE", os.pathsep.join([chosen, GENERATED]))


def forget_files(env_file: Path) -> None:
    """Undo `remember_files`; a choice of files that is a person's own stays."""
    chosen = settings.read(env_file).get("COMPOSE_FILE", "").split(os.pathsep)
    if GENERATED not in chosen:
        return
    chosen.remove(GENERATED)
    if tuple(chosen) == FILES:
        settings.forget(env_file, "COMPOSE_FILE")
    else:
        settings.remember(env_file, "COMPOSE_FILE", os.pathsep.join(chosen))
