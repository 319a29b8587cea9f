"""The lab in containers: build it, start it, look at it, take it down. Compose does it, through python-on-whales.

A lab that does not become healthy is taken down again, after its failing services have been shown. `down` also finds
clients that `docker compose run` started, which Compose's own `down` can leave behind.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lab import base, dotenv, engine, recordings
from lab.errors import ComposeRefused, DockerMissing, LabError, LabNotHealthy, PortTaken

if TYPE_CHECKING:
    from python_on_whales import Container, DockerClient
    from python_on_whales.exceptions import DockerException

Say = Callable[[str], None]

ROOT = Path(__file__).parent.parent
PROJECT = "asynclab"
ONE_OFF = "com.docker.compose.oneoff"
LAST_LINES = 15
STOP_S = 5
REMOVAL_S = 20.0
# What Compose and the engine say; the group is what a person wants to know of it.
PORT_TAKEN = re.compile(
    r"(?:tcp4? |Bind for )(\S+:\d+)(?:: bind: address already in use| failed: port is already allocated)"
)
UNHEALTHY = re.compile(r"is unhealthy|exited \(\d+\)")


@dataclass(frozen=True, slots=True)
class Stack:
    """One project of containers. `project` keeps the labs of several people, or of the tests, apart."""

    project: str = PROJECT
    root: Path = ROOT

    @property
    def env_file(self) -> Path:
        """Where a person's settings are, and what the lab remembers."""
        return self.root / ".env"

    def up(self, say: Say, *, keep: bool = False) -> None:
        """Start the lab and return when it is healthy; nothing that already runs as it should is touched.

        `keep`: leave a lab that failed as it is, for a person to look at. Raises a LabError.
        """
        own = recordings.to_play(self.root)
        engine.ensure(say, env_file=self.env_file)
        base.ensure(say, env_file=self.env_file)
        dotenv.remember(self.env_file, "LAB_USER", owner_of(self.root))
        recorded = recordings.weave_in(self.root, own)
        if recorded:
            say(f"Hosts that you recorded, reached by their names: {recorded:,}")
        self.build(say)
        try:
            self._start()
        except LabError:
            if not keep:
                with suppress(LabError):  # what stopped the start may stop this too; the first is the one to tell
                    self.down()
            raise

    def build(self, say: Say) -> None:
        """Build what changed. The first time takes a minute."""
        from python_on_whales.exceptions import DockerException

        if bundle := base.ca_bundle(env_file=self.env_file):
            os.environ["CA_BUNDLE"] = str(bundle)  # Compose makes a build secret of it
        client = self.client()
        try:
            client.compose.config(return_json=True)
        except DockerException as error:
            raise refusal("reading compose.yaml and .env", error) from error
        try:
            if not client.image.exists(f"{PROJECT}/client:{os.environ.get('LAB_TAG', 'latest')}"):
                say("Building the images (a minute or so, this first time)")
            client.compose.build(quiet=True)
        except DockerException as error:
            raise refusal("building the images", error, last_lines=LAST_LINES) from error

    def _start(self) -> None:
        from python_on_whales.exceptions import DockerException

        try:
            self.client().compose.up(detach=True, wait=True, quiet=True)
        except DockerException as error:
            if UNHEALTHY.search(error.stderr or "") and (failing := self.failing()):
                evidence = [line for container in failing for line in self.describe(container)]
                raise LabNotHealthy([service_of(each) for each in failing], evidence=evidence) from error
            raise refusal("starting the lab", error) from error

    def down(self) -> None:
        """Stop and remove every container, network and volume of the project. Nothing there is nothing to do."""
        from python_on_whales.exceptions import DockerException

        try:
            self._remove_clients()
            self.client().compose.down(remove_orphans=True, volumes=True, quiet=True)
        except DockerException as error:
            raise refusal("taking the lab down", error) from error

    def _remove_clients(self) -> None:
        """Stop what `docker compose run` started, and wait until it is gone: with --rm it removes itself meanwhile."""
        from python_on_whales.exceptions import DockerException

        client = self.client()
        ours = f"com.docker.compose.project={self.project}"
        last = time.monotonic() + REMOVAL_S
        while clients := client.container.list(all=True, filters=[("label", ours), ("label", f"{ONE_OFF}=True")]):
            try:
                client.container.stop(clients, time=STOP_S)
                client.container.remove(clients, force=True, volumes=True)
            except DockerException:
                if time.monotonic() > last:
                    raise

    def failing(self) -> list["Container"]:
        """Return the containers that do not run, or are not healthy."""
        return [each for each in self.client().compose.ps(all=True) if not is_well(each)]

    def describe(self, container: "Container") -> list[str]:
        """Return a container's name and state, its last lines and its health log, for a person."""
        state = container.state
        lines = [f"{service_of(container)}: {state.status}, exit code {state.exit_code}; its last lines:"]
        logged = self.client().container.logs(container, tail=LAST_LINES)
        lines += [f"  {line}" for line in str(logged).splitlines()]
        checks = (state.health.log or []) if state.health else []
        if checks:
            lines.append(f"{service_of(container)}: its health log:")
            lines += [f"  exit code {check.exit_code}: {(check.output or '').strip()}" for check in checks[-3:]]
        return lines

    def client(self) -> "DockerClient":
        """Return the Docker client for this project's files."""
        from python_on_whales import DockerClient

        return DockerClient(
            compose_project_name=self.project,
            compose_project_directory=self.root,
            compose_files=recordings.files(self.root),
        )

    def command(self, *words: str) -> list[str]:
        """Return the `docker compose` command line for this project. Raises DockerMissing."""
        from python_on_whales import ClientNotFoundError

        try:
            return [*(str(word) for word in self.client().client_config.docker_compose_cmd), *words]
        except ClientNotFoundError as error:
            raise DockerMissing from error

    def become(self, *words: str) -> NoReturn:
        """Become `docker compose WORDS`, which has the terminal and its signals to itself. Raises DockerMissing."""
        command = self.command(*words)
        if sys.stdout:  # it may be closed
            sys.stdout.flush()
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted

    def run_client(self, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        """Run the client in its container, without a terminal, and return what it printed."""
        return self.run_compose("run", "--rm", "-T", "client", *arguments)

    def run_compose(self, *words: str, timeout_s: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run `docker compose WORDS` without a terminal, and return what it printed."""
        return subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )


def owner_of(directory: Path) -> str:
    """Return who owns a directory, as Compose names a container's user: `uid:gid`."""
    found = directory.stat()
    return f"{found.st_uid}:{found.st_gid}"


def is_well(container: "Container") -> bool:
    """Return whether a container runs and, where it has a health check, passes it."""
    state = container.state
    return bool(state.running) and (state.health is None or state.health.status == "healthy")


def service_of(container: "Container") -> str:
    """Return the Compose service that a container belongs to."""
    return (container.config.labels or {}).get("com.docker.compose.service", container.name)


def refusal(doing: str, error: "DockerException", *, last_lines: int = 0) -> LabError:
    """Return the LabError for a Compose command that failed: one line and, if asked for, the lines before it."""
    said = (error.stderr or error.stdout or "").strip()
    if taken := PORT_TAKEN.search(said):
        return PortTaken(taken[1])
    *before, last = said.splitlines() or [f"exit code {error.return_code}"]
    return ComposeRefused(doing, reason=last.strip(), evidence=before[-last_lines:] if last_lines else ())
