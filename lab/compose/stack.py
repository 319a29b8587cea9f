"""The lab in containers: build it, start it, look at it, take it down. Compose does it, each step with a deadline.

What can be checked is checked before any container is touched (`validation`). A lab that `up` made from nothing and
that does not become healthy is shown and taken down again. A lab that ran before is not taken down: the services that
were replaced are started again as they were (`last_good`). `down` also removes clients that `docker compose run`
started: Compose's `down` can leave them behind.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lab import UP_TIMEOUT_S, env_file, own_sites, subprocesses
from lab.compose import broker_password, containers, last_good, lock, override, validation
from lab.compose.client_run import run_client
from lab.compose.containers import Container
from lab.compose.errors import LabNotHealthy, ProjectNameBad, TooSlow, refusal
from lab.compose.validation import Config
from lab.docker import base_image, engine
from lab.errors import EnvFileUnwritable, LabError
from lab.settings import Settings
from lab.subprocesses import STOPPED, TIMED_OUT, Outcome
from services.runtime.errors import ProgramError
from services.runtime.terminal import say as say_to_a_person

if TYPE_CHECKING:
    from python_on_whales import DockerClient

Say = Callable[[str], None]

PROJECT = "asynclab"
PROJECT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
RETURN_TIMEOUT_S = 120.0
BUILD_TIMEOUT_S = 1800.0
READ_TIMEOUT_S = 60.0
DOWN_TIMEOUT_S = 180.0
STOP_S = 5
REMOVAL_S = 20.0
POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Stack:
    """One project of containers, made from one checkout.

    `project` keeps the labs of several people, or of the tests, apart. `settings` are those of the checkout; Compose
    gets their environment, and reads `.env` by itself.
    """

    project: str
    settings: Settings

    def __post_init__(self) -> None:
        if not PROJECT_NAME.fullmatch(self.project):
            raise ProjectNameBad(self.project)

    @property
    def root(self) -> Path:
        """Where the Compose files and `.env` are."""
        return self.settings.root

    def up(self, say: Say, *, keep: bool = False, timeout_s: float = UP_TIMEOUT_S) -> None:
        """Start the lab and return when it is healthy; nothing that already runs as it should is touched.

        `keep`: leave a lab that failed as it is, for a person to look at. `timeout_s`: how long services may take to
        become healthy. Raises a LabError, or BadSetting for what a service would refuse.
        """
        recorded = own_sites.to_play(self.settings)
        own_sites.check(recorded)
        prepared = self.prepared(say)
        with lock.held(self.project, say):
            prepared._change(say, recorded, keep=keep, timeout_s=timeout_s)

    def prepared(self, say: Say) -> "Stack":
        """Have an engine and a base image, and return this project with what Compose builds from. Raises a LabError."""
        with lock.held("engine", say):
            engine.ensure(say, self.settings)
            image = base_image.ensure(say, self.settings)
            user = self._remember_user(say)
            broker_password.ensure(self.root, say)
        # Compose gets these two from here as well, since `.env` may be a file that cannot be written.
        variables = {"BASE_IMAGE": image, "LAB_USER": user}
        if bundle := base_image.ca_bundle(self.settings):
            variables["CA_BUNDLE"] = str(bundle)  # Compose makes a build secret of it
        return replace(self, settings=self.settings.with_environment(variables))

    def _remember_user(self, say: Say) -> str:
        """Let Compose know whose files the client is to read and write, and return it."""
        owner = owner_of(self.root)
        try:
            env_file.remember(self.settings.env_file, "LAB_USER", owner)
        except EnvFileUnwritable as error:
            say(str(error))
        return self.settings.environ.get("LAB_USER", owner)

    def _change(self, say: Say, recorded: Path, *, keep: bool, timeout_s: float) -> None:
        """Do what `up` promises; where that fails, leave what was there."""
        before = self.services()
        override_before = override.read(self.root)
        try:
            if count := override.write(self.root, recorded):
                say(f"Hosts that you recorded, reached by their names: {count:,}")
            validation.check_workers(self.settings.values)
            config = self.config()
            validation.check_hosts(config, recorded)
            validation.check_settings(config)
            validation.check_ports(config, {port for each in before for port in each.ports})
            self.build(say)
            self._remove_outdated(say, before)
            self._start(before, timeout_s)
        except (LabError, ProgramError):
            if not keep:
                with suppress(LabError):  # what stopped the start may stop this too; the first error is the one to show
                    self._undo(say, before)
                with suppress(LabError):
                    override.put_back(self.root, override_before)
            raise
        last_good.remember(self._last_good, config)

    def config(self, *, files: Sequence[Path] = ()) -> Config:
        """Return what Compose makes of its files and `.env`. Raises ComposeRefused. `files`: if not the usual ones."""
        outcome = self.compose("config", "--format", "json", timeout_s=READ_TIMEOUT_S, files=files)
        if not outcome.ok:
            raise refusal("reading compose.yaml and .env", outcome)
        config: Config = json.loads(outcome.out)
        return config

    def build(self, say: Say) -> None:
        """Build what changed. The first time takes a minute."""
        if not base_image.present(f"{PROJECT}/client:{self.settings.environ.get('LAB_TAG', 'latest')}"):
            say("Building the images (a minute or so, this first time)")
        outcome = self.compose("build", "--quiet", timeout_s=BUILD_TIMEOUT_S)
        if not outcome.ok:
            raise refusal("building the images", outcome, last_lines=containers.LAST_LINES)

    def _remove_outdated(self, say: Say, before: Sequence[Container]) -> None:
        """Remove containers that have an old password, so that Compose makes them anew; the broker's volume stays."""
        services = broker_password.outdated(self.root / broker_password.FILE, before)
        if services:
            say(f"The broker's password has changed: {', '.join(services)} will be started anew with it")
            outcome = self.compose("rm", "--stop", "--force", *services, timeout_s=DOWN_TIMEOUT_S)
            if not outcome.ok:
                raise refusal("replacing what has an old password", outcome)

    def _start(self, before: Sequence[Container], timeout_s: float) -> None:
        """Let Compose start what changed, and watch until all of it is healthy.

        Raises LabNotHealthy for a service that ended or was unhealthy, TooSlow for one that is neither in time.
        """
        deadline = time.monotonic() + timeout_s
        restarts = {each.id: each.restarts for each in before}

        def new() -> list[Container]:
            return [each for each in self.services() if each.id not in restarts]  # Compose stops the others itself

        outcome = subprocesses.run_while(
            self.command("up", "--detach", "--no-build", "--quiet-pull"),
            lambda: not containers.failing(new(), restarts),
            timeout_s=timeout_s,
            cwd=self.root,
            environ=self.settings.environ,
        )
        if not outcome.ok and outcome.code not in {TIMED_OUT, STOPPED} and not containers.failing(new(), restarts):
            raise refusal("starting the lab", outcome)
        while not containers.healthy(found := self.services(), restarts):
            if failed := containers.failing(found, restarts):
                raise LabNotHealthy(containers.names(failed), evidence=containers.evidence(failed))
            if time.monotonic() > deadline:
                slow = [each for each in found if not each.is_healthy]
                raise TooSlow(containers.names(slow), timeout_s=timeout_s, evidence=containers.evidence(slow))
            time.sleep(POLL_S)

    def _undo(self, say: Say, before: Sequence[Container]) -> None:
        """Take down a lab that was made from nothing; in one that was there, start what was replaced as it was."""
        if not before:
            self._remove()
            return
        now = {each.id for each in self.services()}
        replaced = sorted({each.service for each in before if each.id not in now})
        if replaced and self._start_again(replaced):
            say(f"The lab runs as before: {', '.join(replaced)} was started again as it was")
        elif replaced:
            say(f"The lab runs on, with {', '.join(replaced)} as changed: what ran before could not be started again")
        else:
            say("The lab runs on as before")

    def _start_again(self, services: Sequence[str]) -> bool:
        """Start these services as they last were, and return whether they are healthy again in time."""
        if not last_good.restore_images(self._last_good):
            return False
        deadline = time.monotonic() + RETURN_TIMEOUT_S
        words = ("up", "--detach", "--no-deps", *services)
        if not self.compose(*words, timeout_s=RETURN_TIMEOUT_S, files=[self._last_good]).ok:
            return False
        with suppress(LabError):
            while time.monotonic() < deadline:
                if all(each.is_healthy for each in self.services()):
                    return True
                time.sleep(POLL_S)
        return False

    @property
    def _last_good(self) -> Path:
        return last_good.file_of(self.root, self.project)

    def services(self) -> list[Container]:
        """Return the containers of the lab's services; not those of clients. Raises EngineSilent or ComposeRefused."""
        return [each for each in containers.of_project(self.project) if not each.one_off]

    def down(self, say: Say = say_to_a_person) -> None:
        """Stop and remove every container, network and volume of the project. Nothing there is nothing to do."""
        with lock.held(self.project, say):
            self._remove()
            last_good.forget(self._last_good)

    def _remove(self) -> None:
        self._remove_clients()
        outcome = self.compose("down", "--remove-orphans", "--volumes", timeout_s=DOWN_TIMEOUT_S)
        if not outcome.ok:
            raise refusal("taking the lab down", outcome)

    def _remove_clients(self) -> None:
        """Stop what `docker compose run` started, and wait until it is gone: with --rm it removes itself."""
        last = time.monotonic() + REMOVAL_S
        while clients := [each.id for each in containers.of_project(self.project) if each.one_off]:
            subprocesses.run(("docker", "stop", "--time", str(STOP_S), *clients), timeout_s=REMOVAL_S)
            removed = subprocesses.run(("docker", "rm", "--force", "--volumes", *clients), timeout_s=REMOVAL_S)
            if not removed.ok and time.monotonic() > last:
                raise refusal("removing clients", removed)

    def compose(self, *words: str, timeout_s: float, files: Sequence[str | Path] = ()) -> Outcome:
        """Run `docker compose WORDS` without a terminal; `files`: the Compose files, if not the usual ones."""
        environ = self.settings.environ
        return subprocesses.run(self.command(*words, files=files), timeout_s=timeout_s, cwd=self.root, environ=environ)

    def client(self) -> "DockerClient":
        """Return a Docker client for this project, for programs that look into the lab."""
        from python_on_whales import DockerClient

        return DockerClient(
            compose_project_name=self.project,
            compose_project_directory=self.root,
            compose_files=override.files(self.root),
        )

    def command(self, *words: str, files: Sequence[str | Path] = ()) -> list[str]:
        """Return the `docker compose` command line for this project; `files`: if not the usual Compose files."""
        project = ("--project-name", self.project, "--project-directory", str(self.root))
        chosen = [word for file in files or override.files(self.root) for word in ("--file", str(file))]
        return ["docker", "compose", *project, *chosen, *words]

    def become(self, *words: str) -> NoReturn:
        """Replace this process by `docker compose WORDS`, which then has the terminal and its signals.

        Raises a LabError where no engine answers.
        """
        engine.require(self.settings)
        line = self.command(*words)
        if sys.stdout:  # it may be closed
            sys.stdout.flush()
        os.execvpe(line[0], line, dict(self.settings.environ))  # noqa: S606 - no shell is wanted

    def run_client_here(self, words: Sequence[str]) -> int:
        """Run the client in its container, with this program's terminal or streams, and return its exit code.

        Raises a LabError where no engine answers.
        """
        engine.require(self.settings)
        run = self.command("run", "--rm")
        return run_client(words, run=run, docker=["docker"], project=self.project, environ=self.settings.environ)

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
            env=self.settings.environ,
        )


def owner_of(directory: Path) -> str:
    """Return who owns a directory, as Compose names a container's user: `uid:gid`."""
    found = directory.stat()
    return f"{found.st_uid}:{found.st_gid}"
