"""Peers and this project's programs in containers, where the distribution's peers are years old.

The peers come from Debian's next suite, in an image that is made on demand; this project's programs are in their usual
images. All are on the host's network and have no limits but a core, so that only what is in the images differs. The
figures of a program are its own: they do not have the container's start in them.
"""

import contextlib
import os
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lab import ROOT, subprocesses
from lab.bench.errors import BenchFailed
from lab.bench.harness import ran
from lab.bench.harness.processes import Cost, Server, serving
from lab.docker import base_image, debian_image, engine
from lab.settings import Settings, read
from lab.subprocesses import Runner

SUITE = "forky"
PEERS = f"asynclab-peers:{SUITE}"
PACKAGES = ("ca-certificates", "curl", "nginx-light", "wrk")
LOOK_TIMEOUT_S = 20.0
STOP_S = 2
RUN = ("docker", "run", "--rm", "--network", "host")

# The container's shell prints when the program began and ended, the processor time of what it ran, and the memory of
# the control group.
MEASURED = """\
date +%s.%N >&3; "$@" 3>&-; code=$?; date +%s.%N >&3; times >&3
cd /sys/fs/cgroup
cat memory.peak 2>/dev/null >&3 || cat memory/memory.max_usage_in_bytes 2>/dev/null >&3 || echo 0 >&3
exit $code
"""
TIME = re.compile(r"(\d+)m([\d.]+)s")


def settings() -> Settings:
    """Return the settings of this checkout."""
    return read(ROOT, os.environ)


def refusal() -> str:
    """Return why there are no containers here; nothing where there are."""
    found = engine.probe(settings())
    if found.engine:
        return ""
    return str(engine.refusal(found) or "no Docker engine runs here: `lab engine` starts one")


def peers_image(say: Callable[[str], None], *, run: Runner = subprocesses.run) -> str:
    """Return the name of the image of the newest peers; make it first if it is missing.

    Raises BaseImageUnavailable, InstallFailed or NoTemporaryDirectory.
    """
    if not base_image.present(PEERS, run=run):
        say(f"Building {PEERS} from Debian packages (about a minute, once): {', '.join(PACKAGES[1:])}")
        debian_image.ensure_builder(PEERS, say, run=run, allowed=engine.installing_allowed(settings()))
        debian_image.build(PEERS, suite=SUITE, wanted=PACKAGES, program="bash", run=run)
    return PEERS


def own_image(service: str, *, run: Runner = subprocesses.run) -> str:
    """Return the name of a service's image. Raises BenchFailed where it is not built."""
    image = f"asynclab/{service}:{os.environ.get('LAB_TAG', 'latest')}"
    if not base_image.present(image, run=run):
        raise BenchFailed(f"{service} in a container", why=f"there is no image {image}: `make build` makes it")
    return image


def version(image: str, *words: str, run: Runner = subprocesses.run) -> str:
    """Return the version that a program in an image prints."""
    said = run((*RUN, "--entrypoint", words[0], image, *words[1:]), timeout_s=LOOK_TIMEOUT_S)
    number = re.search(r"\d+(\.\d+)+", said.out + said.err)
    return number[0] if number else "unknown"


def options(core: Sequence[str], environment: Mapping[str, str], volumes: Mapping[Path, str]) -> tuple[str, ...]:
    """Return Docker's options. `core`: the prefix by which `machine.Core` chooses one; its last word is the number."""
    return (
        f"--user={os.getuid()}:{os.getgid()}",  # it reads what this user has made
        *(("--cpuset-cpus", core[-1]) if core else ()),
        *(f"--env={name}={value}" for name, value in environment.items()),
        *(f"--volume={path}:{inside}:ro" for path, inside in volumes.items()),
    )


@contextlib.contextmanager
def served(
    name: str,
    image: str,
    words: Sequence[str],
    *,
    port: int,
    core: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    volumes: Mapping[Path, str] | None = None,
) -> Iterator[Server]:
    """Run a server in a container until the block ends; inside, its port answers. Raises BenchFailed.

    Its processes are this host's, too: their processor time and memory are read as those of any other server.
    """
    called = f"asynclab-bench-{uuid.uuid4().hex[:12]}"
    given = options(core, environment or {}, volumes or {})
    command = (
        *RUN,
        "--name",
        called,
        "--stop-timeout",
        str(STOP_S),
        *given,
        "--entrypoint",
        words[0],
        image,
        *words[1:],
    )
    try:
        with serving(name, command, port=port, server_pid=lambda: host_pid(name, called)) as server:
            yield server
    finally:  # Docker's client may have ended without its container
        subprocesses.run(("docker", "rm", "--force", called), timeout_s=LOOK_TIMEOUT_S)


def host_pid(name: str, called: str, *, run: Runner = subprocesses.run) -> int:
    """Return the first process of a container, as this host numbers it. Raises BenchFailed."""
    found = run(("docker", "inspect", "--format", "{{.State.Pid}}", called), timeout_s=LOOK_TIMEOUT_S)
    pid = int(found.out) if found.ok and found.out.strip().isdigit() else 0
    if not Path(f"/proc/{pid}/stat").is_file() or not pid:
        raise BenchFailed(name, why="its processes are on another machine", evidence=found.tail())
    return pid


def cost_in(
    name: str,
    image: str,
    words: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes = b"",
    core: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    volumes: Mapping[Path, str] | None = None,
) -> Cost:
    """Run a program in a container to its end and return its cost. Raises BenchFailed.

    The memory is that of the container's control group, pages of files with it; 0 where the kernel does not tell it.
    """
    called = f"asynclab-bench-{uuid.uuid4().hex[:12]}"
    given = options(core, environment or {}, volumes or {})
    shell = (
        "--interactive",
        "--name",
        called,
        *given,
        "--entrypoint",
        "sh",
        image,
        "-c",
        f"exec 3>&2; {MEASURED}",
        "sh",
    )
    try:
        done = subprocess.run((*RUN, *shell, *words), check=False, input=stdin, capture_output=True, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        subprocesses.run(("docker", "rm", "--force", called), timeout_s=LOOK_TIMEOUT_S)
        raise BenchFailed(name, why=f"it takes more than {timeout_s:g} s") from error
    said = done.stderr.decode("utf-8", "replace").splitlines()
    if done.returncode:
        raise BenchFailed(name, why=f"exit code {done.returncode}", evidence=said[-10:])
    cost = read_cost(name, done.stdout.decode("utf-8", "replace"), said)
    shown = (*RUN, *given, image, *words)
    ran.note(name, shown, environment=None, cpu_s=cost.cpu_s, peak_kib=cost.peak_kib)
    return cost


def read_cost(name: str, out: str, said: Sequence[str]) -> Cost:
    """Return what the container's shell printed below the program's own lines. Raises BenchFailed."""
    stamps = [line for line in said if re.fullmatch(r"\d{9,}\.\d+", line)]
    times = TIME.findall(said[-2]) if len(said) >= 5 else []
    if len(stamps) != 2 or len(times) != 2 or not said[-1].isdigit():
        raise BenchFailed(name, why="its container printed no figures", evidence=said[-10:])
    began, ended = map(float, stamps)
    cpu_s = sum(int(minutes) * 60 + float(seconds) for minutes, seconds in times)
    return Cost(out, ended - began, cpu_s, int(said[-1]) // 1024)
