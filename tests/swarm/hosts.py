"""Several hosts on this machine, each with a Docker engine, joined by a network that nothing else is on.

A host is a process id namespace, a mount namespace and a network namespace, with dockerd as its first process. When
that process is killed, the kernel ends every process of the host at once, containers too: as a machine that loses its
power. Its disk is in memory, and ends with it. The switch between the hosts is a bridge in a network namespace of its
own, so this machine's own interfaces and firewall have no part in it.

Everything is named for the process that made it, and is removed on the way out, in any case. Where that process is
killed, the kernel ends its hosts too, and the next one to make hosts removes the names that are left.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

START_S, END_S = 60.0, 20.0
POLL_S = 0.1
NETWORK = "192.168.213"  # nothing else is on it
PROGRAMS = ("ip", "nsenter", "unshare", "dockerd", "docker", "iptables", "setpriv")
NAMESPACES = ("--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
CGROUPS = Path("/sys/fs/cgroup")
BEGIN = 'hostname "$1" && mount -t tmpfs -o size=4g,mode=755 disk "$2" && shift 2 && exec "$@"'


class HostsImpossible(Exception):
    """This machine cannot make hosts; the text says why."""


class NotRoot(HostsImpossible):
    """Only root can make network namespaces and start engines."""

    def __init__(self) -> None:
        super().__init__("only root can make network namespaces and start engines")


@dataclass(frozen=True, slots=True)
class Host:
    """One host. `directory`: where its engine keeps everything; `process`: the first process that it consists of."""

    name: str
    address: str
    directory: Path
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        """The address of its engine, for Docker's client on this machine."""
        return f"unix://{self.directory}/docker.sock"

    def docker(self, *words: str) -> str:
        """Run Docker's client against its engine, and return what it printed."""
        done = subprocess.run(
            ["docker", "--host", self.url, *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def answers(self) -> bool:
        """Whether its engine answers."""
        words = ["docker", "--host", self.url, "version"]
        return subprocess.run(words, capture_output=True, timeout=10, check=False).returncode == 0

    def kill(self) -> None:
        """End all of it at once. It is no error if it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(30)


@contextmanager
def swarm(directory: Path, count: int = 2) -> Iterator[Sequence[Host]]:
    """Have a Swarm of hosts while inside; the first one is its manager. Raises HostsImpossible."""
    with hosts(directory, count) as made:
        first, *others = made
        first.docker("swarm", "init", "--advertise-addr", first.address)
        token = first.docker("swarm", "join-token", "--quiet", "worker")
        for other in others:
            other.docker("swarm", "join", "--token", token, "--advertise-addr", other.address, f"{first.address}:2377")
        yield made


@contextmanager
def hosts(directory: Path, count: int = 2) -> Iterator[Sequence[Host]]:
    """Have hosts while inside, whose engines answer. Raises HostsImpossible."""
    check()
    remove_abandoned()
    with ExitStack() as undo:
        switch = namespace(undo, "switch")
        run("ip", "-n", switch, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", switch, "link", "set", "bridge", "up")
        made = [host(undo, directory, switch, number) for number in range(1, count + 1)]
        deadline = time.monotonic() + START_S
        while not all(each.answers for each in made):
            ended = [each for each in made if each.process.poll() is not None]
            if ended or time.monotonic() > deadline:
                silent = (ended or made)[0]
                raise HostsImpossible(f"an engine does not start: {last_line(silent.directory / 'log')}")
            time.sleep(POLL_S)
        yield made


def check() -> None:
    """Raise HostsImpossible where it is known beforehand that there can be none."""
    if os.geteuid() != 0:
        raise NotRoot
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        raise HostsImpossible(f"these programs are missing: {', '.join(missing)}")


def host(undo: ExitStack, directory: Path, switch: str, number: int) -> Host:
    """Make one host, joined to the switch, and start its engine."""
    at, address = directory / f"host{number}", f"{NETWORK}.{number}"
    (disk := at / "disk").mkdir(parents=True)
    undo.callback(shutil.rmtree, at, ignore_errors=True)
    net = namespace(undo, f"host{number}")
    run("ip", "-n", net, "link", "add", "eth0", "type", "veth", "peer", "name", f"host{number}", "netns", switch)
    run("ip", "-n", net, "address", "add", f"{address}/24", "dev", "eth0")
    run("ip", "-n", net, "link", "set", "eth0", "up")
    run("ip", "-n", switch, "link", "set", f"host{number}", "master", "bridge", "up")
    undo.callback(remove_cgroups, net)
    engine = (
        *("dockerd", "--host", f"unix://{at}/docker.sock", "--data-root", f"{disk}/data", "--exec-root", f"{disk}/run"),
        *("--pidfile", f"{disk}/pid", "--bip", f"172.28.{number}.1/24", "--cgroup-parent", f"/{net}"),
    )
    enter = ("setpriv", "--pdeathsig", "KILL", "nsenter", f"--net=/run/netns/{net}", "unshare", *NAMESPACES)
    with (at / "log").open("wb") as log:
        process = subprocess.Popen(
            [*enter, "sh", "-c", BEGIN, "sh", f"host{number}", str(disk), *engine],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a ^C for the tests does not end it before they have
        )
    made = Host(f"host{number}", address, at, process)
    undo.callback(made.kill)
    return made


def namespace(undo: ExitStack, name: str) -> str:
    """Make a network namespace, with loopback up, and return its name. Raises HostsImpossible."""
    made = f"asynclab-{os.getpid()}-{name}"
    run("ip", "netns", "add", made)
    undo.callback(delete_namespace, made)
    run("ip", "-n", made, "link", "set", "lo", "up")
    return made


def delete_namespace(name: str) -> None:
    """Delete a network namespace, with the interfaces in it, if it is there."""
    subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=30)


def remove_abandoned() -> None:
    """Remove what is left of hosts whose maker has ended without removing them."""
    for file in Path("/run/netns").glob("asynclab-*"):
        maker = re.fullmatch(r"asynclab-(\d+)-\w+", file.name)
        if maker and not Path(f"/proc/{maker[1]}").exists():
            delete_namespace(file.name)
            remove_cgroups(file.name)


def run(*words: str) -> None:
    """Run a program that makes a part of a host. Raises HostsImpossible where it fails: the kernel lacks something."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise HostsImpossible(f"`{' '.join(words)}` failed: {done.stderr.strip()}")


def remove_cgroups(name: str) -> None:
    """Remove the control groups of a host; the kernel leaves them, empty, when the last process has ended."""
    deadline = time.monotonic() + END_S
    while (left := list(CGROUPS.glob(f"*/{name}")) + list(CGROUPS.glob(name))) and time.monotonic() < deadline:
        for top in left:
            for directory, _, _ in os.walk(top, topdown=False):
                with suppress(OSError):  # a process in it is just ending
                    Path(directory).rmdir()
        time.sleep(POLL_S)


def last_line(file: Path) -> str:
    """Return what an engine wrote last."""
    lines = file.read_text("utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it wrote nothing"
