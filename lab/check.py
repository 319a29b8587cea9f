"""`make check`: every rule that a tool can enforce, each tool in turn, all of them even if one finds something."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from lab import subprocesses

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class Check:
    """A command and, for one that needs Docker's client, the words by which that client shows that it can."""

    command: tuple[str, ...]
    docker_can: tuple[str, ...] = ()


CHECKS = (
    Check((f"{BIN}/ruff", "format", "--check", "--quiet")),
    Check((f"{BIN}/ruff", "check", "--quiet")),
    Check((f"{BIN}/mypy", "--no-error-summary")),
    Check((f"{BIN}/lint-imports", "--no-cache")),
    Check((f"{BIN}/hadolint", "services/Dockerfile")),
    Check(("docker", "compose", "config", "--quiet"), docker_can=("compose", "version")),
    Check(("docker", "stack", "config", "--compose-file", "compose.yaml"), docker_can=("stack", "config", "--help")),
)


def check_all() -> int:
    """Run the checks; print a line for each, and the output of those that find something."""
    return max([run(check) for check in CHECKS])


def run(check: Check) -> int:
    """Run one check and return 0 if all is well."""
    name = " ".join([Path(check.command[0]).name, *check.command[1:]])
    if check.docker_can and not subprocesses.run(("docker", *check.docker_can), timeout_s=TIMEOUT_S).ok:
        print(f"skip  {name}: this machine's Docker client cannot", flush=True)
        return 1 if os.environ.get("CI") else 0
    done = subprocesses.run(check.command, timeout_s=TIMEOUT_S, cwd=ROOT)
    print(f"{'ok' if done.ok else 'FAIL':<6}{name}", flush=True)
    if not done.ok:
        print(done.out + done.err, flush=True)
    return 0 if done.ok else 1
