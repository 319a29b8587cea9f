"""Reaching the engine of a host by ssh, without a network: the client's ProxyCommand is the server, on its own pipes.

The session's environment names the engine, so that what Docker's client starts there speaks to it.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.swarm.hosts import Host

SERVER = shutil.which("sshd", path=f"{os.defpath}:/usr/sbin:/sbin")
PRIVILEGES = Path("/run/sshd")  # sshd does not start without this directory
OF_SERVER = """HostKey {at}/host
AuthorizedKeysFile {at}/own.pub
StrictModes no
PermitRootLogin yes
PidFile none
UsePAM no
SetEnv DOCKER_HOST={engine}
LogLevel ERROR
"""
OF_CLIENT = """Host {name}
 ProxyCommand {server} -i -f {at}/server
 IdentityFile {at}/own
 IdentitiesOnly yes
 StrictHostKeyChecking no
 UserKnownHostsFile {at}/known
 LogLevel ERROR
"""


@dataclass(frozen=True, slots=True)
class Ssh:
    """A way to a host's engine. `url`: as for DOCKER_HOST; `path`: PATH, on which the program ssh knows the way."""

    url: str
    path: str


def way_to(host: Host, at: Path) -> Ssh | None:
    """Return the way to a host by ssh, whose keys and settings are in a directory; None where there is no sshd."""
    if SERVER is None or not shutil.which("ssh"):
        return None
    PRIVILEGES.mkdir(mode=0o755, exist_ok=True)
    for key in ("own", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at / key], check=True, timeout=30)
    (at / "server").write_text(OF_SERVER.format(at=at, engine=host.url))
    (at / "client").write_text(OF_CLIENT.format(at=at, name=host.name, server=SERVER))
    (program := at / "bin" / "ssh").parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {at}/client "$@"\n')
    program.chmod(0o755)
    return Ssh(f"ssh://root@{host.name}", f"{program.parent}:{os.environ['PATH']}")
