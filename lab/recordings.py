"""Your own sites: a directory of recordings becomes part of the lab, each under its name, with no edit to YAML.

Compose cannot list a directory, so `lab up` does, and writes what follows from it into a third Compose file: the
aliases of the service `recorded`, and one replica instead of none. `.env` remembers the three files, so that plain
`docker compose` commands see what the lab sees. Without recordings there is neither.

A recording of a host that the lab brings along (www.163.com) replaces that one: its own service plays your bytes.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import dotenv
from lab.errors import RecordingsUnusable
from services.runtime.hosts import HOST_NAME
from services.runtime.text import printable

ROOT = Path(__file__).parent.parent
USUAL = "recordings"
MOST = 10_000  # as many as a site plays
FILES = ("compose.yaml", "compose.override.yaml")
GENERATED = "build/compose.recordings.yaml"
HEADER = "# Made by `lab up` from the directory of recordings, and made anew each time: edits are lost.\n"
MOUNTED_AT = "/recordings"
SLIP = "correct it or leave it out"
BROUGHT_ALONG = {"www.sina.com.cn": "sina", "www.sohu.com": "sohu", "www.163.com": "netease"}

Json = str | int | bool | Sequence["Json"] | Mapping[str, "Json"]


def directory(root: Path = ROOT, *, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where a person's recordings are: LAB_RECORDINGS of the environment or `.env`, else `recordings/`.

    It need not be there: `lab record` makes it. Raises EnvFileBroken or RecordingsUnusable.
    """
    path = Path(named(root, environ) or USUAL)
    try:
        return root / path.expanduser()
    except RuntimeError as error:  # ~somebody, who has no home here
        raise RecordingsUnusable(path, "is in nobody's home, and LAB_RECORDINGS names it", SLIP) from error


def to_play(root: Path = ROOT, *, environ: Mapping[str, str] = os.environ) -> Path:
    """Return `directory` for a lab that is to play what is in it.

    The usual one need not be there; one that a person named and that is not is a slip, and a lab without the sites that
    were meant would be a riddle. Raises EnvFileBroken or RecordingsUnusable.
    """
    found = directory(root, environ=environ)
    if named(root, environ) and (what := why_unusable(found)):
        raise RecordingsUnusable(found, f"{what}, and LAB_RECORDINGS names it", SLIP)
    return found


def why_unusable(path: Path) -> str:
    """Return what keeps a path from being a directory; nothing if it is one."""
    try:
        if path.is_dir():
            return ""
        return "is not a directory" if path.exists() else "does not exist"
    except OSError as error:  # a name that is too long
        return f"cannot be read ({error.strerror})"


def named(root: Path, environ: Mapping[str, str]) -> str:
    """Return what LAB_RECORDINGS says; nothing if it says nothing."""
    return dotenv.settings(environ, root / ".env").get("LAB_RECORDINGS") or ""


def hosts(recorded: Path) -> list[str]:
    """Return the hosts that are recorded in a directory, in order; none if it is not there.

    Raises RecordingsUnusable for a file whose name is no host name: it would be a name in the lab's network.
    """
    try:
        files = sorted(file.name for file in recorded.iterdir() if file.suffix == ".http")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RecordingsUnusable(
            recorded, f"cannot be read ({error.strerror})", "name another in LAB_RECORDINGS"
        ) from error
    for name in files:
        if not HOST_NAME.fullmatch(name.removesuffix(".http")):
            shown = printable(name.encode("utf-8", "replace").decode("utf-8"))[:80]
            raise RecordingsUnusable(
                recorded, f"holds {shown!r}, which is not a host name in lower case followed by .http", "rename it"
            )
    if len(files) > MOST:
        raise RecordingsUnusable(recorded, f"holds {len(files):,} recordings", f"{MOST:,} is the limit")
    return [name.removesuffix(".http") for name in files]


def weave_in(root: Path, recorded: Path) -> int:
    """Make Compose see what is recorded now, and return how many hosts that is.

    Nothing is written that is there already. Raises RecordingsUnusable, EnvFileBroken or EnvFileUnwritable.
    """
    found = hosts(recorded)
    if not found:
        weave_out(root)
        return 0
    text = HEADER + json.dumps(compose_file(recorded.resolve(), found), indent=2) + "\n"  # JSON is YAML
    generated = root / GENERATED
    try:
        if not generated.is_file() or generated.read_text("utf-8") != text:
            generated.parent.mkdir(exist_ok=True)
            part = generated.with_suffix(".part")
            part.write_text(text, "utf-8")
            part.replace(generated)
    except OSError as error:
        raise RecordingsUnusable(generated, f"cannot be written ({error.strerror})", "make it writable") from error
    remember_files(root / ".env")
    return len(found)


def weave_out(root: Path) -> None:
    """Forget what `weave_in` wrote. Raises EnvFileBroken or EnvFileUnwritable."""
    forget_files(root / ".env")
    (root / GENERATED).unlink(missing_ok=True)


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
    chosen = dotenv.read(env_file).get("COMPOSE_FILE") or os.pathsep.join(FILES)
    if GENERATED not in chosen.split(os.pathsep):
        dotenv.remember(env_file, "COMPOSE_FILE", os.pathsep.join([chosen, GENERATED]))


def forget_files(env_file: Path) -> None:
    """Undo `remember_files`; a choice of files that is a person's own stays."""
    chosen = dotenv.read(env_file).get("COMPOSE_FILE", "").split(os.pathsep)
    if GENERATED not in chosen:
        return
    chosen.remove(GENERATED)
    if tuple(chosen) == FILES:
        dotenv.forget(env_file, "COMPOSE_FILE")
    else:
        dotenv.remember(env_file, "COMPOSE_FILE", os.pathsep.join(chosen))
