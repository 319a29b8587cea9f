"""The lab in containers: build it, start it, look at it, take it down. Compose does it, each step with a deadline.

What can be checked is checked before anything is touched (`validation`). A lab that `up` made from nothing and that
does not become healthy is taken down again, after its failing services have been shown. A lab that ran before is not
taken down: what the change replaced is started again as it was (`last_good`). `down` also finds clients that
`docker compose run` started, which Compose's own `down` can leave behind.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lab import own_sites, settings, subprocesses
from lab.compose import containers, last_good, lock, validation
from lab.compose.containers import Container
from lab.compose.validation import Config
from lab.docker import base_image, engine
from lab.errors import ComposeRefused, EnvFileUnwritable, LabError, LabNotHealthy, PortTaken, ProjectNameBad, TooSlow
from lab.subprocesses import STOPPED, TIMED_OUT, Outcome
from services.runtime.errors import ProgramError
from services.runtime.terminal import say as say_to_a_person

if TYPE_CHECKING:
    from python_on_whales import DockerClient

Say = Callable[[str], None]

ROOT = Path(__file__).parents[2]
PROJECT = "asynclab"
PROJECT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
LAST_LINES = 15
UP_TIMEOUT_S = 300.0
BUILD_TIMEOUT_S = 1800.0
READ_TIMEOUT_S = 60.0
DOWN_TIMEOUT_S = 180.0
STOP_S = 5
REMOVAL_S = 20.0
POLL_S = 0.25
DEATHS = 3  # as often as a service may end during a start before it is called failed
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

    def __post_init__(self) -> None:
        if not PROJECT_NAME.fullmatch(self.project):
            raise ProjectNameBad(self.project)

    @property
    def env_file(self) -> Path:
        """Where a person's settings are, and what the lab remembers."""
        return self.root / ".env"

    def up(self, say: Say, *, keep: bool = False, timeout_s: float = UP_TIMEOUT_S) -> None:
        """Start the lab and return when it is healthy; nothing that already runs as it should is touched.

        `keep`: leave a lab that failed as it is, for a person to look at. `timeout_s`: how long services may take to
        become healthy. Raises a LabError, or BadSetting for what a service would refuse.
        """
        own = own_sites.to_play(self.root)
        own_sites.check(own)
        with lock.held("engine", say):
            engine.ensure(say, env_file=self.env_file)
            image = base_image.ensure(say, env_file=self.env_file)
            if base_image.wanted(env_file=self.env_file) != image:
                os.environ["BASE_IMAGE"] = image  # Compose has it from here where `.env` could not be written
            self._remember_user(say)
        with lock.held(self.project, say):
            self._change(say, own, keep=keep, timeout_s=timeout_s)

    def _remember_user(self, say: Say) -> None:
        """Let Compose know whose files the client is to read and write: in `.env`, or for this start alone."""
        owner = owner_of(self.root)
        try:
            settings.remember(self.env_file, "LAB_USER", owner)
        except EnvFileUnwritable as error:
            say(str(error))
            os.environ.setdefault("LAB_USER", owner)

    def _change(self, say: Say, own: Path, *, keep: bool, timeout_s: float) -> None:
        """Do what `up` promises; where that fails, leave what was there."""
        before = self.services()
        woven = own_sites.compose_override(self.root)
        try:
            if recorded := own_sites.write_compose_override(self.root, own):
                say(f"Hosts that you recorded, reached by their names: {recorded:,}")
            config = self.config()
            validation.check_settings(config)
            validation.check_ports(config, {port for each in before for port in each.ports})
            self.build(say)
            self._start(before, timeout_s)
        except (LabError, ProgramError):
            if not keep:
                with suppress(LabError):  # what stopped the start may stop this too; the first is the one to tell
                    self._undo(say, before)
                with suppress(LabError):
                    own_sites.put_back(self.root, woven)
            raise
        last_good.remember(self, config)

    def config(self) -> Config:
        """Return what Compose makes of its files and `.env`. Raises ComposeRefused."""
        outcome = self._compose("config", "--format", "json", timeout_s=READ_TIMEOUT_S)
        if not outcome.ok:
            raise refusal("reading compose.yaml and .env", outcome)
        config: Config = json.loads(outcome.out)
        return config

    def build(self, say: Say) -> None:
        """Build what changed. The first time takes a minute."""
        if bundle := base_image.ca_bundle(env_file=self.env_file):
            os.environ["CA_BUNDLE"] = str(bundle)  # Compose makes a build secret of it
        if not base_image.present(f"{PROJECT}/client:{os.environ.get('LAB_TAG', 'latest')}"):
            say("Building the images (a minute or so, this first time)")
        outcome = self._compose("build", "--quiet", timeout_s=BUILD_TIMEOUT_S)
        if not outcome.ok:
            raise refusal("building the images", outcome, last_lines=LAST_LINES)

    def _start(self, before: Sequence[Container], timeout_s: float) -> None:
        """Let Compose start what changed, and watch until all of it is healthy.

        Raises LabNotHealthy for a service that ended or was unhealthy, TooSlow for one that is neither in time.
        """
        deadline = time.monotonic() + timeout_s
        restarts = {each.id: each.restarts for each in before}

        def new() -> list[Container]:
            return [each for each in self.services() if each.id not in restarts]  # Compose stops those that it replaces

        outcome = subprocesses.run_while(
            self.command("up", "--detach", "--no-build", "--quiet-pull"),
            lambda: not failing(new(), restarts),
            timeout_s=timeout_s,
            cwd=self.root,
        )
        if not outcome.ok and outcome.code not in {TIMED_OUT, STOPPED} and not failing(new(), restarts):
            raise refusal("starting the lab", outcome)
        while not healthy(found := self.services(), restarts):
            if ill := failing(found, restarts):
                raise LabNotHealthy(names(ill), evidence=evidence(ill))
            if time.monotonic() > deadline:
                slow = [each for each in found if not each.well]
                raise TooSlow(names(slow), timeout_s=timeout_s, evidence=evidence(slow))
            time.sleep(POLL_S)

    def _undo(self, say: Say, before: Sequence[Container]) -> None:
        """Take down a lab that was made from nothing; in one that was there, start what was replaced as it was."""
        if not before:
            self._remove()
            return
        now = {each.id for each in self.services()}
        replaced = sorted({each.service for each in before if each.id not in now})
        if replaced and last_good.start_again(self, replaced):
            say(f"The lab runs as before: {', '.join(replaced)} was started again as it was")
        elif replaced:
            say(f"The lab runs on, with {', '.join(replaced)} as changed: what ran before could not be started again")
        else:
            say("The lab runs on as before")

    def services(self) -> list[Container]:
        """Return the containers of the lab's services; not those of clients. Raises EngineSilent or ComposeRefused."""
        return [each for each in containers.of_project(self.project) if not each.one_off]

    def down(self, say: Say = say_to_a_person) -> None:
        """Stop and remove every container, network and volume of the project. Nothing there is nothing to do."""
        with lock.held(self.project, say):
            self._remove()
            last_good.forget(self)

    def _remove(self) -> None:
        self._remove_clients()
        outcome = self._compose("down", "--remove-orphans", "--volumes", timeout_s=DOWN_TIMEOUT_S)
        if not outcome.ok:
            raise refusal("taking the lab down", outcome)

    def _remove_clients(self) -> None:
        """Stop what `docker compose run` started, and wait until it is gone: with --rm it removes itself meanwhile."""
        last = time.monotonic() + REMOVAL_S
        while clients := [each.id for each in containers.of_project(self.project) if each.one_off]:
            subprocesses.run(("docker", "stop", "--time", str(STOP_S), *clients), timeout_s=REMOVAL_S)
            removed = subprocesses.run(("docker", "rm", "--force", "--volumes", *clients), timeout_s=REMOVAL_S)
            if not removed.ok and time.monotonic() > last:
                raise refusal("removing clients", removed)

    def _compose(self, *words: str, timeout_s: float) -> Outcome:
        return subprocesses.run(self.command(*words), timeout_s=timeout_s, cwd=self.root)

    def client(self) -> "DockerClient":
        """Return a Docker client for this project's files, for programs that look into the lab."""
        from python_on_whales import DockerClient

        return DockerClient(
            compose_project_name=self.project,
            compose_project_directory=self.root,
            compose_files=own_sites.files(self.root),
        )

    def command(self, *words: str, files: Sequence[str | Path] = ()) -> list[str]:
        """Return the `docker compose` command line for this project; `files`: its Compose files, if not the usual."""
        project = ("--project-name", self.project, "--project-directory", str(self.root))
        chosen = [word for file in files or own_sites.files(self.root) for word in ("--file", str(file))]
        return ["docker", "compose", *project, *chosen, *words]

    def become(self, *words: str) -> NoReturn:
        """Become `docker compose WORDS`, which has the terminal and its signals to itself.

        Raises a LabError where no engine answers.
        """
        engine.require()
        line = self.command(*words)
        if sys.stdout:  # it may be closed
            sys.stdout.flush()
        os.execvp(line[0], line)  # noqa: S606 - no shell is wanted

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


def healthy(found: Sequence[Container], restarts: Mapping[str, int]) -> bool:
    """Return whether all services are well, and none of them failed meanwhile."""
    return bool(found) and all(each.well for each in found) and not failing(found, restarts)


def failing(found: Sequence[Container], restarts: Mapping[str, int]) -> list[Container]:
    """Return the services that will not become healthy: ended, unhealthy, or started anew too often.

    `restarts`: how often the engine had started each container anew before this start.
    """
    return [each for each in found if each.ill or each.restarts - restarts.get(each.id, 0) >= DEATHS]


def names(found: Sequence[Container]) -> list[str]:
    """Return the services of these containers, each once."""
    return sorted({each.service for each in found})


def evidence(found: Sequence[Container]) -> list[str]:
    """Return what a person has to see of containers that are not well."""
    return [line for container in found for line in containers.described(container, LAST_LINES)]


def refusal(doing: str, outcome: Outcome, *, last_lines: int = 0) -> LabError:
    """Return the LabError for a Compose command that failed: one line and, if asked for, the lines before it."""
    said = (outcome.err or outcome.out).strip()
    if taken := PORT_TAKEN.search(said):
        return PortTaken(taken[1])
    *before, last = said.splitlines() or [f"exit code {outcome.code}"]
    return ComposeRefused(doing, reason=last.strip(), evidence=before[-last_lines:] if last_lines else ())
