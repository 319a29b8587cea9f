"""The lab as it was when it was last healthy: what `up` goes back to where a change turns out not to work.

A file in the checkout's `build/` keeps, for each project, what Compose was told (all settings in it) and which images
were meant. It is written after each start that ended well, and removed by `down`. Where it cannot be written, a change
that fails leaves the changed services as they are, and says so.
"""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lab import subprocesses
from lab.compose.validation import Config
from lab.docker import base_image
from lab.errors import LabError
from services.runtime.files import ownership
from services.runtime.files.regular import open_regular, read_regular

if TYPE_CHECKING:
    from lab.compose.stack import Stack

LOOK_TIMEOUT_S = 10.0
START_TIMEOUT_S = 120.0
POLL_S = 0.25


def place(stack: "Stack") -> Path:
    """Return where a project's file is."""
    return stack.root / "build" / f"compose.{stack.project}.last-good.json"


def remember(stack: "Stack", config: Config) -> None:
    """Keep what a healthy lab was made from."""
    services = {name: without_build(service) for name, service in config["services"].items()}
    tags = sorted({service["image"] for service in services.values()})
    kept = {
        **config,
        "services": services,
        "x-images": {tag: found for tag in tags if (found := base_image.digest(tag))},
    }
    file = place(stack)
    text = json.dumps(kept, indent=1) + "\n"
    with suppress(OSError):
        if not file.is_file() or read_regular(file, most=len(text)) != text.encode("ascii"):
            ownership.make_directory(file.parent)
            ownership.write(file, text)


def without_build(service: Config) -> Config:
    """Return a service that is started from the image that is there, and from no other."""
    return {name: value for name, value in service.items() if name != "build"} | {"pull_policy": "never"}


def forget(stack: "Stack") -> None:
    """Remove what was kept."""
    with suppress(OSError):
        place(stack).unlink()


def start_again(stack: "Stack", services: Sequence[str]) -> bool:
    """Start these services as they last were, and return whether they are healthy again in time."""
    try:
        with open_regular(place(stack)) as file:
            kept = json.loads(file.read())
        images = dict(kept["x-images"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    for tag, found in images.items():
        if base_image.digest(tag) != found:
            subprocesses.run(("docker", "tag", found, tag), timeout_s=LOOK_TIMEOUT_S)
    deadline = time.monotonic() + START_TIMEOUT_S
    words = ("up", "--detach", "--no-deps", *services)
    if not stack.compose(*words, timeout_s=START_TIMEOUT_S, files=[place(stack)]).ok:
        return False
    with suppress(LabError):
        while time.monotonic() < deadline:
            if all(each.well for each in stack.services()):
                return True
            time.sleep(POLL_S)
    return False
