"""A broker and two workers of their own, that tests break, on a volume in memory that is as small as a test needs.

Such a volume makes the disk's own time nothing, so that ten thousand jobs take seconds: what is killed here is a
process, which loses no page of the system's memory. That the broker writes to the disk is its configuration's subject.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from lab.compose import containers
from lab.compose.containers import Container
from lab.compose.stack import Stack
from tests.docker.pipeline.runs import ClientRun

HERE = Path(__file__).parent
STORE_MIB = 64
BROKER_PORT, ESTABLISHED = 4222, "01"  # as /proc/net/tcp shows a state
FILE = "faults.yaml"
ACK_WAIT_S = 2
WORKERS = 2


def compose_file(store_mib: int) -> str:
    """Return the Compose file that adds to the lab's own ones what these tests need."""
    client = {
        "image": "asynclab/client:${LAB_TAG:-latest}",
        "init": True,
        "user": "65532:65532",
        "networks": ["jobs"],
        "secrets": ["broker_password"],
        "environment": {"BROKER_URL": "nats://broker:4222", "BROKER_PASSWORD_FILE": "/run/secrets/broker_password"},
    }
    observer = (HERE / "observer.py").read_text().replace("$", "$$")
    double = (HERE / "doubles.py").read_text().replace("$", "$$")
    in_memory = {"type": "tmpfs", "device": "tmpfs", "o": f"size={store_mib}m,uid=65532,gid=65532,mode=700"}
    services = {
        "observer": client | {"entrypoint": ["python3", "-c", observer], "volumes": ["jobs:/data"], "profiles": ["by"]},
        "ends": client
        | {"entrypoint": ["python3", "-c", double, "ends", "7"], "restart": "always", "profiles": ["by"]},
        "raises": client | {"entrypoint": ["python3", "-c", double, "raises", "7"], "profiles": ["by"]},
    }
    return json.dumps({"services": services, "volumes": {"jobs": {"driver_opts": in_memory}}})


class Held(NamedTuple):
    """Jobs of a run that the broker has, those that workers have in hand, and deliveries beyond the first."""

    jobs: int
    in_hand: int
    redelivered: int


class FaultLab:
    """The containers, and what can be done to them."""

    def __init__(self, stack: Stack, file: Path) -> None:
        self.stack = stack
        root = stack.root
        self._files = [root / "compose.yaml", root / "compose.override.yaml", file]
        self._observer: subprocess.Popen[str] | None = None
        self._runs: list[ClientRun] = []

    def command(self, *words: str) -> list[str]:
        """Return the line of a `docker compose` command."""
        return self.stack.command(*words, files=self._files)

    def compose(self, *words: str) -> str:
        """Run `docker compose`, which succeeds, and return what it printed."""
        outcome = self.stack.compose(*words, timeout_s=100, files=self._files)
        assert outcome.ok, outcome.err
        return outcome.out

    def docker(self, *words: str) -> str:
        """Run `docker`, which succeeds, and return what it printed."""
        return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, timeout=60).stdout

    def up(self) -> None:
        """Start the observer, the broker and the workers."""
        words = self.command("run", "--rm", "-T", "--no-deps", "observer")
        self._observer = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self.stack.root,
            env=dict(self.stack.settings.environ),
        )
        assert self.observe("get /") is None  # it has its volume; the broker is not there yet
        self.compose("up", "--detach", "--no-build", "--no-deps", "--wait", "broker", "worker")

    def mend(self) -> None:
        """Start what a failed test has left broken."""
        for each in self.containers():
            if each.status == "paused":
                self.docker("unpause", each.id)
        self.observe("empty")
        if self.observe("get /healthz") is None:
            self.restart_broker()
        if not self.is_whole():
            self.scale(WORKERS)

    def is_whole(self) -> bool:
        """Whether the broker is healthy, and as many workers run as at the beginning."""
        running = [each for each in self.of("worker") if each.status == "running"]
        return len(running) == WORKERS and any(each.is_healthy for each in self.of("broker"))

    def restart_broker(self) -> None:
        """Stop the broker, and start it again."""
        self.compose("restart", "--timeout", "1", "broker")

    def end_runs(self) -> None:
        """End what a failed test has left running."""
        runs, self._runs = self._runs, []
        for run in runs:
            run.abandon()
        for each in self.containers():
            if each.one_off and each.service == "client":
                self.remove(each)

    def remove(self, container: Container) -> None:
        """Remove what `docker compose run` started; with --rm, it may remove itself meanwhile."""
        with suppress(subprocess.CalledProcessError):
            self.docker("rm", "--force", "--volumes", container.id)

    def down(self) -> None:
        """Leave nothing behind."""
        self.end_runs()
        if self._observer is not None:
            self._observer.kill()
            self._observer.communicate()
        for each in self.containers():
            if each.one_off:
                self.remove(each)
        self.compose("--profile", "by", "down", "--volumes", "--timeout", "1")

    def observe(self, order: str) -> Any:
        """Give the observer an order, and return its answer."""
        observer = self._observer
        assert observer
        assert observer.stdin
        assert observer.stdout
        observer.stdin.write(order + "\n")
        observer.stdin.flush()
        return json.loads(observer.stdout.readline())

    def run(self, count: int, run: str, *words: str, **environ: object) -> ClientRun:
        """Begin a run of so many numbers, or go on with it."""
        return self._start(["-n", str(count), "--run", run, *words], environ, fed=False)

    def run_targets(self, run: str, **environ: object) -> ClientRun:
        """Begin a run of the targets that the test hands over, or go on with it."""
        return self._start(["-i", "-", "--run", run], environ, fed=True)

    def _start(self, words: Sequence[str], environ: Mapping[str, object], *, fed: bool) -> ClientRun:
        variables = {"BROKER_ACK_WAIT_S": ACK_WAIT_S, **environ}
        given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        options = ["--edition", "jetstream", "--format", "json", "--quiet", *words]
        line = self.command("run", "--rm", "-T", "--no-deps", *given, "client", "pipeline", *options)
        started = ClientRun(line, self.stack.root, self.stack.settings.environ, fed=fed)
        self._runs.append(started)
        return started

    def containers(self) -> list[Container]:
        """Return all containers of the project."""
        return containers.of_project(self.stack.project)

    def of(self, service: str) -> Sequence[Container]:
        """Return the containers of a service that run."""
        return [each for each in self.containers() if each.service == service and each.status in {"running", "paused"}]

    def one(self, service: str) -> Container:
        """Return the container of a service as soon as it runs; the test has a deadline."""
        while True:
            for each in self.of(service):
                return each

    def scale(self, workers: int) -> None:
        """Have so many workers: the command that the documents name."""
        words = ("up", "--detach", "--no-build", "--no-deps", "--timeout", "1", "--wait", "--scale")
        self.compose(*words, f"worker={workers}", "broker", "worker")

    def held(self, run: str) -> Held:
        """Return what the broker has of a run's jobs, as soon as it answers and has the run."""
        while (found := self.observe(f"held {run}")) is None:
            pass  # the test has a deadline
        return Held(**found)

    def results(self, run: str) -> int:
        """Return how many results of a run the broker has; 0 where it does not answer."""
        return self.observe(f"results {run}") or 0

    def await_redelivery(self, run: str) -> None:
        """Return when jobs were delivered again."""
        while self.held(run).redelivered <= 0:
            pass  # the test has a deadline

    def connections(self) -> Mapping[int, str]:
        """Return the broker's connections: the number of each, and the name of its program."""
        found = self.observe("get /connz") or {"connections": []}
        return {each["cid"]: each.get("name", "") for each in found["connections"]}

    def connections_of(self, container: Container) -> Set[int]:
        """Return the numbers of a container's connections."""
        return {number for number, name in self.connections().items() if name.startswith(container.id[:12])}

    def has_socket(self, container: Container) -> bool:
        """Return whether a container has a connection to the broker as far as it knows."""
        pid = self.docker("container", "inspect", "--format", "{{.State.Pid}}", container.id).strip()
        return f":{BROKER_PORT:04X} {ESTABLISHED} " in Path(f"/proc/{pid}/net/tcp").read_text()

    @contextmanager
    def emptied_at_end(self) -> Iterator[None]:
        """Remove, at the end, what fills the broker's disk."""
        try:
            yield
        finally:
            self.observe("empty")

    @contextmanager
    def paused(self, *chosen: Container) -> Iterator[Sequence[Container]]:
        """Have all processes of containers stand still; those that are killed meanwhile die at the end."""
        try:
            for each in chosen:
                self.docker("pause", each.id)
            yield chosen
        finally:
            for each in chosen:
                with suppress(subprocess.CalledProcessError):  # it was killed meanwhile
                    self.docker("unpause", each.id)

    @contextmanager
    def cut_off(self, container: Container) -> Iterator[None]:
        """Have a container without the network of the broker."""
        network = f"{self.stack.project}_jobs"
        try:
            self.docker("network", "disconnect", network, container.id)
            yield
        finally:
            self._connect(network, container)

    def _connect(self, network: str, container: Container) -> None:
        """Have a container in a network. One that is just being started again refuses it: then it is asked again."""
        networks = ("container", "inspect", "--format", "{{json .NetworkSettings.Networks}}", container.id)
        while any(each.id == container.id for each in self.containers()):
            with suppress(subprocess.CalledProcessError):
                if network in json.loads(self.docker(*networks)):
                    return
                self.docker("network", "connect", network, container.id)
