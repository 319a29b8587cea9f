"""A checkpoint of a lab: its faults and plays at a moment, and where its journal was; they can be put back.

In the embedded lab one process plays all hosts; in containers several do. One request to each of them takes the
checkpoint, and one puts it back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from asynclab.connection.admin import Admin
from asynclab.errors import Refused, UnknownHost

__tracebackhide__ = True


@dataclass(frozen=True, slots=True)
class Part:
    """The checkpoint of one process: its number there, the journal's last entry, and the names of the process."""

    number: int
    entry: int
    hosts: tuple[str, ...]

    def restore(self, admin: Admin) -> list[str]:
        """Put faults and plays back, and return the hosts of the process then.

        A host that has gone meanwhile cannot be asked, so the others are.
        """
        for host in self.hosts[:-1]:
            try:
                return self._restore(admin, host)
            except UnknownHost:
                continue
        return self._restore(admin, self.hosts[-1])

    def _restore(self, admin: Admin, host: str) -> list[str]:
        return admin.call("POST", f"/checkpoints/{self.number}/restore", host=host).texts("hosts")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The checkpoint of a lab."""

    parts: tuple[Part, ...]

    @property
    def marks(self) -> Mapping[str, int]:
        """The last entry of the journal before it, by host."""
        return {host: part.entry for part in self.parts for host in part.hosts}

    def restore(self, admin: Admin) -> None:
        """Put faults and plays back, also where a process has gone meanwhile. Raises LabGone, or the first Refused."""
        hosts: set[str] = set()
        refused: list[Refused] = []
        for part in self.parts:
            try:
                hosts.update(part.restore(admin))
            except Refused as error:
                refused.append(error)
        if hosts != admin.described_hosts:
            admin.expect_change()
        if refused:
            raise refused[0]


def take_checkpoint(admin: Admin) -> Checkpoint:
    """Take a checkpoint of every process. Raises LabGone."""
    parts: list[Part] = []
    taker = admin.description.takes_hosts  # it may have no host now, and have some at the end
    left = dict.fromkeys([*filter(None, [taker]), *admin.description.sites])
    while left:
        host = next(iter(left))
        del left[host]
        try:
            answer = admin.call("POST", "/checkpoints", host=host)
        except UnknownHost:  # it has gone since the lab was described
            continue
        hosts = answer.texts("hosts")
        names = (taker, *hosts) if host == taker else tuple(hosts)
        part = Part(answer.whole("checkpoint"), answer.whole("entry"), names)
        parts.append(part)
        for each in part.hosts:
            left.pop(each, None)
    return Checkpoint(tuple(parts))
