"""The Compose file that adds a person's own sites to the lab in containers, with no edit to YAML.

Compose cannot list a directory. So `lab up` lists the recordings and writes a third Compose file: the network aliases
of the service `recorded`, and its directory. `.env` remembers the three files, so that plain `docker compose` commands
use the third one too. Without recordings there is no such file and no such line.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import env_file, own_sites
from lab.errors import LabError, RecordingsUnusable
from services.runtime.files import ownership
from services.runtime.files.regular import open_regular

FILES = ("compose.yaml", "compose.override.yaml")
GENERATED = "build/compose.recordings.yaml"
HEADER = "# Made by `lab up` from the directory of recordings, and made anew each time: edits are lost.\n"
MOUNTED_AT = "/recordings"

Json = str | int | bool | Sequence["Json"] | Mapping[str, "Json"]


def write(root: Path, recorded: Path) -> int:
    """Make Compose see what is recorded now, and return how many hosts that is.

    Nothing is written that is there already. Raises RecordingsUnusable, SettingUnfit, EnvFileBroken, EnvFileUnreadable
    or EnvFileUnwritable; what was there before is then still there.
    """
    found = own_sites.hosts(recorded)
    if not found:
        remove(root)
        return 0
    own_sites.check_path(recorded)
    text = HEADER + json.dumps(compose_file(recorded.resolve(), found), indent=2) + "\n"  # JSON is YAML
    before = read(root)
    if before != text:
        put(root, text)
    try:
        remember_files(root / ".env")
    except LabError:
        put_back(root, before)
        raise
    return len(found)


def remove(root: Path) -> None:
    """Forget what `write` wrote.

    Raises RecordingsUnusable, EnvFileBroken, EnvFileUnreadable or EnvFileUnwritable.
    """
    forget_files(root / ".env")
    if read(root) is not None:
        put(root, None)


def read(root: Path) -> str | None:
    """Return what `write` wrote, None if there is nothing of it. Raises RecordingsUnusable."""
    try:
        with open_regular(root / GENERATED) as file:
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unwritable(root / GENERATED, error) from error


def put_back(root: Path, before: str | None) -> None:
    """Undo a `write`: `before` is what `read` returned ahead of it.

    Raises what `remove` raises.
    """
    if before is None:
        remove(root)
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
    """Return the error for a generated file that cannot be read or written."""
    return RecordingsUnusable(file, f"cannot be written ({error.strerror})", "make it and its directory writable")


def files(root: Path) -> list[str | Path]:
    """Return the lab's Compose files."""
    return [path for path in (*(root / name for name in FILES), root / GENERATED) if path.is_file()]


def compose_file(recorded: Path, found: Sequence[str]) -> Json:
    """Return what Compose has to add for these hosts, whose recordings are in this directory."""
    own = [host for host in found if host not in own_sites.BROUGHT_ALONG]
    services: dict[str, Json] = {}
    if own:
        known = {**own_sites.BROUGHT_ALONG, **dict.fromkeys(own, "recorded")}
        names = " ".join(f"{host}={service}" for host, service in known.items())
        services["gateway"] = {"environment": {"GATEWAY_HOSTS": names}}
    for host in found:
        if host in own_sites.BROUGHT_ALONG:
            services[own_sites.BROUGHT_ALONG[host]] = {
                "environment": {"SITES_RECORDINGS": MOUNTED_AT},
                **mounted(recorded),
            }
    if own:
        services["recorded"] = {
            "environment": {"SITES_RECORDINGS": MOUNTED_AT},
            "networks": {"lab": {"aliases": own}},
            **mounted(recorded),
        }
    return {"services": services}


def mounted(recorded: Path) -> dict[str, Json]:
    """Return how the directory is mounted into a service. The service watches it: a change needs no new container."""
    mount: dict[str, Json] = {
        "type": "bind",
        "source": str(recorded).replace("$", "$$"),
        "target": MOUNTED_AT,
        "read_only": True,
        "bind": {"create_host_path": False},
    }
    return {"volumes": [mount]}


def remember_files(path: Path) -> None:
    """Let plain `docker compose` read the generated file too, after the files that a person chose."""
    chosen = env_file.read(path).get("COMPOSE_FILE") or os.pathsep.join(FILES)
    if GENERATED not in chosen.split(os.pathsep):
        env_file.remember(path, "COMPOSE_FILE", os.pathsep.join([chosen, GENERATED]))


def forget_files(path: Path) -> None:
    """Undo `remember_files`; a person's choice of files stays."""
    chosen = env_file.read(path).get("COMPOSE_FILE", "").split(os.pathsep)
    if GENERATED not in chosen:
        return
    chosen.remove(GENERATED)
    if tuple(chosen) == FILES:
        env_file.forget(path, "COMPOSE_FILE")
    else:
        env_file.remember(path, "COMPOSE_FILE", os.pathsep.join(chosen))
