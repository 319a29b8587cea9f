"""Recorded outputs of the programs that the lab's command line runs, and a runner that gives them again."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.subprocesses import NOT_FOUND, TIMED_OUT, Outcome

CLIENT_28 = Outcome(0, "Docker version 28.2.2, build e6534b4\n")

_SOCKET = "unix:///var/run/docker.sock"
_NO_ANSWER = f"Cannot connect to the Docker daemon at {_SOCKET}. Is the docker daemon running?"
_DENIED = f"permission denied while trying to connect to the Docker daemon socket at {_SOCKET}: connect: "

BUILDX = {"SchemaVersion": "0.1.0", "Vendor": "Docker Inc.", "Version": "0.13.1+ds1", "Name": "buildx"}
COMPOSE = {"SchemaVersion": "0.1.0", "Vendor": "Docker Inc.", "Version": "2.26.1-4", "Name": "compose"}
COMPOSE_OLD = COMPOSE | {"Version": "v2.17.3"}
COMPOSE_BROKEN = {"Name": "compose", "Path": "/usr/libexec/docker/cli-plugins/docker-compose"}

NO_IMAGE = Outcome(1, "[]\n", "Error response from daemon: no such image: No such image: nonesuch:latest\n")
IMAGE = Outcome(0, "sha256:c000ab9107267cd5d5c44fa7f2f0b9a6b1e9a8c2f1c2a9f6b31c9b5b7d3a4d11\n")
NO_REGISTRY = Outcome(1, err="failed to configure transport: error pinging v2 registry: no such host\n")
MANIFEST = Outcome(0, '{"schemaVersion": 2}\n')

INDEX_TARGETS = Outcome(
    0,
    "Debian|main|http://mirror.example/debian/\n"
    "Debian|main|http://mirror.example/debian/\n"
    "Debian|contrib|http://mirror.example/contrib/\n"
    "Debian-Security|main|http://mirror.example/debian-security/\n"
    "Node Source|main|http://node.example/\n",
)
APT_SETTINGS = Outcome(
    0,
    'Acquire::AllowInsecureRepositories "0";\n'
    'Acquire::cdrom::mount "/media/cdrom/";\n'
    'Acquire::Check-Valid-Until "false";\n'
    'Acquire::http::Proxy "http://proxy.example:3128";\n',
)

Plugin = Mapping[str, str]


def info(*plugins: Plugin, server: str = "", code: int = 0, err: str = "", context: str = "default") -> Outcome:
    """Return what `docker info --format '{{json .}}'` prints, with the fields that matter."""
    facts = {
        "ID": "",
        "ServerVersion": server,
        "ClientInfo": {"Debug": False, "Version": "28.2.2", "Context": context, "Plugins": list(plugins)},
    }
    return Outcome(code, json.dumps(facts) + "\n", err)


WORKS = info(BUILDX, COMPOSE, server="26.1.5+dfsg1")
OLD_ENGINE = info(BUILDX, COMPOSE, server="20.10.24+dfsg1")
NO_COMPOSE = info(server="26.1.5+dfsg1")
OLD_COMPOSE = info(BUILDX, COMPOSE_OLD, server="26.1.5+dfsg1")
BROKEN_COMPOSE = info(BUILDX, COMPOSE_BROKEN, server="26.1.5+dfsg1")
NO_ENGINE = info(code=1, err=f"{_NO_ANSWER}\n")
ENGINE_OFF = info(BUILDX, COMPOSE, code=1, err=f"{_NO_ANSWER}\n")
OTHER_CONTEXT = info(BUILDX, COMPOSE, code=1, context="far-away", err="connection refused\n")
DENIED = info(BUILDX, COMPOSE, code=1, err=f"{_DENIED}permission denied\n")
NO_CONTEXT = Outcome(
    1,
    err='Failed to initialize: unable to resolve docker endpoint: context "nope": context not found: open '
    "/root/.docker/contexts/meta/meta.json: no such file or directory\n",
)
SILENT = Outcome(TIMED_OUT, err="docker: no answer in 10 s")
DENIED_20 = Outcome(0, json.dumps({"ServerErrors": [f"{_DENIED}permission denied"], "ClientInfo": {}}) + "\n")


class Programs:
    """A machine's programs: each command line, or the beginning of one, has its recorded outcome.

    The longest beginning that fits is used; a program without one is not installed. A list of outcomes is
    used up, and its last one stays.
    """

    def __init__(self, outcomes: Mapping[str, Outcome | Sequence[Outcome]]) -> None:
        self._outcomes = {line: [one] if isinstance(one, Outcome) else list(one) for line, one in outcomes.items()}
        self.ran: list[str] = []

    def __call__(self, command: Sequence[str], *, timeout_s: float, cwd: Path | None = None) -> Outcome:
        """Answer as the program did when it was recorded."""
        line = " ".join(command)
        self.ran.append(line)
        fitting = [beginning for beginning in self._outcomes if line.startswith(beginning)]
        if not fitting:
            return Outcome(NOT_FOUND, err=f"{command[0]}: No such file or directory")
        outcomes = self._outcomes[max(fitting, key=len)]
        return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
