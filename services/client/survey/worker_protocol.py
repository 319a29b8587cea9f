"""The messages between the processes of a survey.

The parent writes to a worker's standard input: one line with the job, then one line for each target. The worker writes
frames to its standard output: blocks of records, lines for stderr, and several times a second a report of all that it
has done so far.
"""

import dataclasses
import json
import struct
from typing import NamedTuple

from services.client.survey.lines import Lines, LineSplitter
from services.client.survey.options import Options
from services.client.survey.targets import Target
from services.client.topology import Topology
from services.client.url.url import MAX_TARGET_BYTES

RECORDS, ERROR, REPORT = b"R", b"E", b"P"  # kinds of frames
HEADER = struct.Struct("!cI")


class Job(NamedTuple):
    """The job of one worker process: with these options, in this topology, on this loop."""

    options: Options
    topology: Topology
    loop: str

    def encode(self) -> bytes:
        """Return the job as one line."""
        routes = [[*name, *address] for name, address in self.topology.routes.items()]
        members = {"options": dataclasses.asdict(self.options), "loop": self.loop}
        names = {"routes": routes, "closed": self.topology.closed, "gateway": self.topology.gateway}
        return json.dumps({**members, **names}).encode() + b"\n"


def read_job(line: bytes) -> Job:
    members = json.loads(line)
    routes = {(host, port): (ip, at) for host, port, ip, at in members["routes"]}
    gateway = tuple(members["gateway"]) if members["gateway"] else None
    topology = Topology(routes, closed=members["closed"], gateway=gateway)
    return Job(Options(**members["options"]), topology, members["loop"])


class Report(NamedTuple):
    """The results of a worker process so far: `stats` as `Stats.dump` has them."""

    in_flight: int
    peak_kib: int
    stats: bytes

    def encode(self) -> bytes:
        """Return the report as the data of a frame."""
        return b"%d %d %b" % self


def read_report(data: bytes) -> Report:
    in_flight, peak_kib, stats = data.split(b" ", 2)
    return Report(int(in_flight), int(peak_kib), stats)


def frame(kind: bytes, data: bytes) -> bytes:
    """Return data of one kind, with its length in front of it."""
    return HEADER.pack(kind, len(data)) + data


def numbered_line(target: Target) -> bytes:
    """Return a target, which has no problem, as a line for `numbered_lines`."""
    return b"%d\t%b\n" % (target.line, target.text.encode("utf-8"))


def target_of_numbered_line(_number: int, line: bytes) -> Target | None:
    """Return the target of a line that `numbered_line` wrote, with the number that is in it."""
    number, tab, text = line.partition(b"\t")
    return Target(int(number), text.decode("utf-8")) if tab else None


def numbered_lines(fd: int, name: str) -> Lines:
    """Return the targets that another process sends."""
    return Lines(fd, name, LineSplitter(target_of_numbered_line, max_bytes=2 * MAX_TARGET_BYTES))
