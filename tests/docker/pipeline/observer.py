"""A program inside the lab: it reads the broker's monitoring, and fills the disk of the broker's volume.

The host reaches no container on the lab's networks, so the tests send it orders, one a line, and it answers each with
one line of JSON. It keeps the volume mounted, too: a volume in memory would be empty after a restart of the broker.

    get PATH        the page of the broker's monitoring; null where the broker does not answer
    held RUN        how many jobs of a run the broker holds, and of those how many workers hold; null likewise
    most RUN        the most jobs that were seen in the queue of a run since the last `most`, and in how many looks
    fill            write a file until the disk is full; answers with its bytes
    empty           remove that file
"""

import json
import os
import sys
import threading
import time
from contextlib import suppress
from urllib.error import URLError
from urllib.request import urlopen

PAGES = "http://broker:8222"
JETSTREAM = "/jsz?accounts=true&streams=true&consumers=true"
BALLAST = "/data/ballast"
BLOCK_BYTES = 4096
PAUSE_S = 0.005


def page(path):
    """Return what a page of the monitoring has; None where the broker does not answer."""
    try:
        with urlopen(PAGES + path, timeout=2) as answer:
            return json.load(answer)
    except (URLError, OSError, ValueError):
        return None


def queue_of(run):
    """Return the stream of a run's jobs; None where it is not there."""
    found = page(JETSTREAM) or {}
    for account in found.get("account_details") or []:
        for stream in account.get("stream_detail") or []:
            if stream["name"] == f"JOBS-{run}":
                return stream
    return None


def held(run):
    """Return how many jobs are in a queue, in the hands of workers, and delivered again."""
    stream = queue_of(run)
    if stream is None:
        return None
    consumers = stream.get("consumer_detail") or []
    sums = {name: sum(each[name] for each in consumers) for name in ("num_ack_pending", "num_redelivered")}
    return {"jobs": stream["state"]["messages"], **sums}


class Most:
    """The most jobs that were seen in the queue of a run."""

    def __init__(self):
        self.run, self.most, self.looks = "", 0, 0

    def watch(self):
        while True:
            stream = queue_of(self.run) if self.run else None
            if stream is not None:
                self.most = max(self.most, stream["state"]["messages"])
                self.looks += 1
            time.sleep(PAUSE_S)

    def take(self, run):
        answer = {"most": self.most, "looks": self.looks}
        self.run, self.most, self.looks = run, 0, 0
        return answer


def fill():
    """Write until the disk is full."""
    written = 0
    with suppress(OSError), open(BALLAST, "ab", 0) as ballast:
        while True:
            written += ballast.write(bytes(BLOCK_BYTES))
    return written


def main():
    most = Most()
    threading.Thread(target=most.watch, daemon=True).start()
    for line in sys.stdin:
        order, _, what = line.strip().partition(" ")
        match order:
            case "get":
                answer = page(what)
            case "held":
                answer = held(what)
            case "most":
                answer = most.take(what)
            case "fill":
                answer = fill()
            case _:
                answer = os.unlink(BALLAST)
        print(json.dumps(answer), flush=True)


main()
