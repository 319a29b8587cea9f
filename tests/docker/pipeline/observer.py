"""A program inside the lab: it reads the broker's monitoring, and fills the disk of the broker's volume.

The host reaches no container on the lab's networks, so the tests send it orders, one a line, and it answers each with
one line of JSON. It keeps the volume mounted, too: a volume in memory would be empty after a restart of the broker.

    get PATH        the page of the broker's monitoring; null where the broker does not answer
    results RUN     how many results of a run the broker has; null where it does not answer, or has no such run
    held RUN        the jobs of a run, see Held in the tests; null where it is not there
    most RUN        the most jobs that were seen in the queue of a run since the last `most`, and in how many looks
    fill            write a file until the disk is full; answers with its bytes
    empty           remove that file
"""

import json
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

PAGES = "http://broker:8222"
JETSTREAM = "/jsz?accounts=true&streams=true&consumers=true"
BALLAST = Path("/data/ballast")
BLOCK_BYTES = 4096
PAUSE_S = 0.005


def page(path: str) -> Any:
    """Return what a page of the monitoring has; None where the broker does not answer."""
    try:
        with urlopen(PAGES + path, timeout=2) as answer:  # noqa: S310 - the broker's address
            return json.load(answer)
    except (URLError, OSError, ValueError):
        return None


def stream_of(name: str) -> Any:
    """Return a stream; None where it is not there."""
    found = page(JETSTREAM) or {}
    for account in found.get("account_details") or []:
        for stream in account.get("stream_detail") or []:
            if stream["name"] == name:
                return stream
    return None


def held(run: str) -> dict[str, int] | None:
    """Return what the class Held of the tests has; None where the run is not there."""
    stream = stream_of(f"JOBS-{run}")
    if stream is None or not stream.get("consumer_detail"):
        return None
    state, (consumer, *_) = stream["state"], stream["consumer_detail"]
    once = state["last_seq"] - consumer["num_pending"]
    redelivered = consumer["delivered"]["consumer_seq"] - once
    return {"jobs": state["messages"], "in_hand": consumer["num_ack_pending"], "redelivered": redelivered}


def results(run: str) -> int | None:
    """Return how many results of a run there are; None where they are not there."""
    stream = stream_of(f"RESULTS-{run}")
    return None if stream is None else int(stream["state"]["messages"])


class Most:
    """The most jobs that were seen in the queue of a run."""

    def __init__(self) -> None:
        self.run, self.most, self.looks = "", 0, 0

    def watch(self) -> None:
        """Look again and again, for ever."""
        while True:
            stream = stream_of(f"JOBS-{self.run}") if self.run else None
            if stream is not None:
                self.most = max(self.most, stream["state"]["messages"])
                self.looks += 1
            time.sleep(PAUSE_S)

    def take(self, run: str) -> dict[str, int]:
        """Return what was seen, and begin with another run."""
        answer = {"most": self.most, "looks": self.looks}
        self.run, self.most, self.looks = run, 0, 0
        return answer


def fill() -> int:
    """Write until the disk is full."""
    written = 0
    with suppress(OSError), BALLAST.open("ab", 0) as ballast:
        while True:
            written += ballast.write(bytes(BLOCK_BYTES))
    return written


def main() -> None:
    """Take orders until there are no more."""
    most = Most()
    threading.Thread(target=most.watch, daemon=True).start()
    for line in sys.stdin:
        order, _, what = line.strip().partition(" ")
        answer: Any
        match order:
            case "get":
                answer = page(what)
            case "results":
                answer = results(what)
            case "held":
                answer = held(what)
            case "most":
                answer = most.take(what)
            case "fill":
                answer = fill()
            case _:
                BALLAST.unlink(missing_ok=True)
                answer = None
        print(json.dumps(answer), flush=True)


main()
