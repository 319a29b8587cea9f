"""The lab as it was when it was last healthy: what `up` goes back to where a change turns out not to work.

A file in the checkout's `build/` keeps, for each project, the configuration that Compose used (all settings in it) and
the images of the services. It is written after each start that succeeded, and removed by `down`. It is itself a
Compose file. Where it cannot be written, a change that fails leaves the changed services as they are, and says so.
"""

import json
from contextlib import suppress
from pathlib import Path

from lab import subprocesses
from lab.compose.validation import Config
from lab.docker import base_image
from services.runtime.files import ownership
from services.runtime.files.regular import open_regular, read_regular

LOOK_TIMEOUT_S = 10.0


def file_of(root: Path, project: str) -> Path:
    """Return where a project's file is."""
    return root / "build" / f"compose.{project}.last-good.json"


def remember(file: Path, config: Config) -> None:
    """Keep what a healthy lab was made from."""
    services = {name: without_build(service) for name, service in config["services"].items()}
    tags = sorted({service["image"] for service in services.values()})
    kept = {
        **config,
        "services": services,
        "x-images": {tag: digest for tag in tags if (digest := base_image.digest(tag))},
    }
    text = json.dumps(kept, indent=1) + "\n"
    with suppress(OSError):
        if not file.is_file() or read_regular(file, most=len(text)) != text.encode("ascii"):
            ownership.make_directory(file.parent)
            ownership.write(file, text)


def without_build(service: Config) -> Config:
    """Return a service that is started from the image that is there, and from no other."""
    return {name: value for name, value in service.items() if name != "build"} | {"pull_policy": "never"}


def forget(file: Path) -> None:
    """Remove what was kept, if anything."""
    with suppress(OSError):
        file.unlink()


def restore_images(file: Path) -> bool:
    """Give the images that were kept their names again; return False where nothing was kept."""
    try:
        with open_regular(file) as opened:
            images = dict(json.loads(opened.read())["x-images"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    for tag, digest in images.items():
        if base_image.digest(tag) != digest:
            subprocesses.run(("docker", "tag", digest, tag), timeout_s=LOOK_TIMEOUT_S)
    return True
