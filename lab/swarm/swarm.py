"""The lab on a Swarm: bring it there, look at it, take it down.

`up` builds the images as `lab up` does, brings them to the nodes, deploys compose.yaml with `docker stack deploy`, and
returns when every container runs. What can be checked is checked before anything is deployed. A stack that does not
become healthy is shown and taken down again. `down` waits until nothing of it is left on the nodes that it can ask.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lab.compose import lock, override, validation
from lab.compose.client_run import run_client
from lab.compose.errors import LabNotHealthy, TooSlow
from lab.compose.stack import Stack
from lab.compose.validation import Config
from lab.errors import LabError
from lab.settings import Settings
from lab.swarm import client_file, images, tasks
from lab.swarm.endpoints import Endpoint, reason_of
from lab.swarm.errors import ClientElsewhere, LeftBehind, StackPresent, StackRefused
from lab.swarm.nodes import Swarm, find
from lab.swarm.stack_file import deployed, replicas, stack_file
from lab.swarm.tasks import NAMESPACE, Task
from services.runtime.files.temporary import temporary_directory
from services.runtime.terminal import printable
from services.sites.tls.authority import shared_ca

DEPLOY_TIMEOUT_S = 120.0
REMOVAL_S = 120.0
POLL_S = 0.5
COMPOSE_PROJECT = "com.docker.compose.project"
PARTS = ("service", "secret", "config", "network")  # what a stack consists of, beside volumes

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SwarmStack:
    """One stack of services, made from one checkout. `named`: engines of nodes; `own`: the client's usual engine."""

    name: str
    settings: Settings
    named: tuple[Endpoint, ...]
    own: Endpoint

    def __post_init__(self) -> None:
        _ = self.compose  # refuses a name that cannot be

    @property
    def compose(self) -> Stack:
        """The project of that name in Compose, which reads compose.yaml and builds. Raises ProjectNameBad."""
        return Stack(self.name, self.settings)

    def find(self, *, all_answer: bool = False) -> Swarm:
        """Return the Swarm. Raises a LabError where there is none that can be used.

        `all_answer`: each engine that was named has to answer, not only one.
        """
        return find(self.named, self.own, all_answer=all_answer)

    def up(self, say: Say, *, keep: bool, timeout_s: float) -> None:
        """Deploy the lab, and return when it is healthy. Raises a LabError, or BadSetting for a service's settings.

        `keep`: leave a stack that failed as it is; `timeout_s`: how long services may take to become healthy.
        """
        swarm = self.find(all_answer=True)
        swarm.check(has_registry=bool(self.settings.registry))
        self._check_absent(swarm)
        compose = self.compose.prepared(say)
        with lock.held(self.name, say):
            validation.check_workers(self.settings.values)
            config = compose.config(files=[self.settings.root / override.FILES[0]])
            validation.check_settings(config)
            compose.build(say)
            names = self._bring(swarm, config, say)
            try:
                self._deploy(swarm, config, names, say)
                self._await_healthy(swarm, config, timeout_s)
            except LabError:
                if not keep:
                    with suppress(LabError):  # the first error is the one to show
                        self._remove(swarm)
                raise

    def _check_absent(self, swarm: Swarm) -> None:
        """Raise StackPresent where the name is taken: by a stack, by a part of one, or by a lab in containers."""
        for part in PARTS:
            if self._listed(swarm.manager, part):
                raise StackPresent(self.name, "a stack" if part == "service" else f"a {part} of a stack")
        for engine in swarm.engines:
            if self._listed(engine, "volume"):
                raise StackPresent(self.name, f"at {engine}, a volume of a stack")
            if self._containers(engine, COMPOSE_PROJECT):
                raise StackPresent(self.name, f"at {engine}, a lab in containers")

    def _bring(self, swarm: Swarm, config: Config, say: Say) -> dict[str, str]:
        """Bring the images to the nodes, and return what each is called there. Raises a LabError."""
        services = config["services"]
        wanted = {each["image"] for each in deployed(services).values()} | {services[client_file.CLIENT]["image"]}
        if self.settings.registry:
            return images.push(sorted(wanted), self.settings.registry, say, run=self.own.run)
        names = images.ids(sorted(wanted), run=self.own.run)
        for node in swarm.used:
            images.bring(names, node, say, run=self.own.run)
        return names

    def _deploy(self, swarm: Swarm, config: Config, names: Mapping[str, str], say: Say) -> None:
        """Hand the stack to its manager, and say what it ignores. Raises StackRefused."""
        with temporary_directory("lab-swarm-") as directory:
            shared_ca(directory, directory)
            file = directory / "stack.json"
            file.write_text(json.dumps(stack_file(config, names, home=swarm.home.id, ca=directory)), "ascii")
            auth = ("--with-registry-auth",) if self.settings.registry else ()
            words = ("stack", "deploy", "--compose-file", str(file), "--resolve-image", "never", *auth, self.name)
            outcome = swarm.manager.docker(*words, timeout_s=DEPLOY_TIMEOUT_S)
        if not outcome.ok:
            raise StackRefused("deploying the stack", reason=reason_of(outcome))
        for line in outcome.err.splitlines():
            if line.startswith("Ignoring "):
                say(printable(line))

    def _await_healthy(self, swarm: Swarm, config: Config, timeout_s: float) -> None:
        """Return when every container runs. Raises LabNotHealthy or TooSlow."""
        wanted = {name: replicas(each) for name, each in deployed(config["services"]).items()}
        deadline = time.monotonic() + timeout_s
        while waiting := tasks.waiting(found := self.tasks(swarm), wanted):
            if failed := tasks.failing(found):
                raise LabNotHealthy(failed, evidence=tasks.evidence(swarm.manager, self.name, found, failed))
            if time.monotonic() > deadline:
                shown = tasks.evidence(swarm.manager, self.name, found, waiting)
                raise TooSlow(waiting, timeout_s=timeout_s, evidence=shown)
            time.sleep(POLL_S)

    def tasks(self, swarm: Swarm) -> list[Task]:
        """Return the stack's tasks. Raises StackRefused or NodeSilent."""
        return tasks.of_stack(swarm.manager, self.name)

    def down(self, say: Say) -> None:
        """Remove every container, network, secret and volume of the stack. Nothing there is nothing to do.

        Raises LeftBehind where a node that may hold volumes cannot be asked.
        """
        swarm = self.find()
        with lock.held(self.name, say):
            self._remove(swarm)
            client_file.remove(self.settings.root, self.name)
        if unasked := [node.name for node in swarm.nodes if not (node.endpoint and node.is_ready)]:
            raise LeftBehind(unasked)

    def _remove(self, swarm: Swarm) -> None:
        """Remove the stack, and wait until nothing of it is left on the engines that answer. Raises StackRefused."""
        if clients := self._containers(swarm.manager, COMPOSE_PROJECT):
            swarm.manager.docker("rm", "--force", "--volumes", *clients)
        removed = swarm.manager.docker("stack", "rm", self.name, timeout_s=DEPLOY_TIMEOUT_S)
        deadline = time.monotonic() + REMOVAL_S
        while left := self._left(swarm):
            if time.monotonic() > deadline:
                said = f"; {reason_of(removed)}" if not removed.ok else ""
                raise StackRefused("removing the stack", reason=f"still there: {', '.join(left)}{said}")
            time.sleep(POLL_S)

    def _left(self, swarm: Swarm) -> list[str]:
        """Return what is left of the stack; volumes that no container uses any more are removed here."""
        left = [name for part in PARTS for name in self._listed(swarm.manager, part)]
        for engine in swarm.engines:
            if found := self._containers(engine, NAMESPACE) or self._listed(engine, "network"):
                left += found
            elif (volumes := self._listed(engine, "volume")) and not engine.docker("volume", "rm", *volumes).ok:
                left += volumes
        return left

    def _listed(self, engine: Endpoint, part: str) -> list[str]:
        """Return the names of the stack's services, secrets, configs, networks or volumes. Raises StackRefused."""
        return self._asked(engine, part, "ls", "--filter", f"label={NAMESPACE}={self.name}", "--format", "{{.Name}}")

    def _containers(self, engine: Endpoint, label: str) -> list[str]:
        """Return the ids of the containers of an engine whose label has this name. Raises StackRefused."""
        return self._asked(engine, "ps", "--all", "--quiet", "--filter", f"label={label}={self.name}")

    def _asked(self, engine: Endpoint, *words: str) -> list[str]:
        outcome = engine.docker(*words)
        if not outcome.ok:
            raise StackRefused(f"looking at {engine}", reason=reason_of(outcome))
        return outcome.out.split()

    def run_client(self, words: Sequence[str]) -> int:
        """Run a client in its container, joined to the stack, with this terminal; return its exit code.

        Raises ClientElsewhere, NoStack or another LabError.
        """
        swarm = self.find()
        if not (swarm.manager.url or self.settings.docker_host or "unix:").startswith("unix:"):
            raise ClientElsewhere(swarm.home.name)
        certificate = client_file.certificate(swarm.manager, self.name)
        config = self.compose.config()
        image = config["services"][client_file.CLIENT]["image"]
        registry = self.settings.registry
        file = client_file.write(
            self.settings.root,
            self.name,
            config,
            image=f"{registry}/{image}" if registry else image,
            pull="missing" if registry else "never",
            certificate=certificate,
        )
        run = swarm.manager.command(*self.compose.command("run", "--rm", files=[file])[1:])
        docker, environ = swarm.manager.command(), self.settings.environ
        return run_client(words, run=run, docker=docker, project=self.name, environ=environ)
