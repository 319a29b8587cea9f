"""A program that stands in for the client: `python -m tests.watch.stand_in BEHAVIOUR [WORDS] --trace FILE [-- WORDS]`.

It writes a trace as the client does, in the format of docs/tracing.md, and then does what its behaviour is.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

MANY = 5_000
LONG = 300 * 1024
ERROR = 7


def event(number: int, **more: object) -> str:
    """Return an event as a line of JSON."""
    return json.dumps({"ph": "i", "s": "t", "cat": "mark", "name": "retry", "pid": 1, "tid": number, "ts": 0, **more})


BEGIN = json.dumps({"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "args": {"name": "client wget"}})
LINES = {
    "ends": [BEGIN, event(1), event(2)],
    "fails": [BEGIN],
    "endless": [BEGIN],
    "stubborn": [BEGIN],
    "many": [BEGIN, *(event(n) for n in range(MANY))],
    "garbage": [BEGIN, "no JSON", '{"cut off', '{"a": 1}\r', "x" * LONG, event(1)],
    "hostile": [BEGIN, event(1, args={"text": "</script><script>alert(1)</script>\u2028\n\x1b[2J"})],
    "ledger": [BEGIN],
    "silent": [],
}


def main() -> int:
    """Write the trace, and end as the behaviour says."""
    behaviour, words = sys.argv[1], sys.argv[2:]
    if words[0] == "report":
        return report(behaviour, words[1:])
    if behaviour == "stubborn":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Path(words[words.index("--trace") + 1]).open("w", encoding="utf-8") as file:
        file.write("[\n" + event(0, pid=os.getpid()) + ",\n" if behaviour in {"endless", "stubborn"} else "[\n")
        file.write(",\n".join(LINES[behaviour]) + "\n")
        file.flush()
        if behaviour in {"endless", "stubborn"}:
            time.sleep(600)
        file.write("]\n")
    if behaviour == "fails":
        print("client wget: it does not work \x1b[2J", file=sys.stderr)
        return ERROR
    if behaviour == "ledger":
        print('{"id": 1, "reply": "200 OK"}\n{"attempted": 3, "recorded": 3}')
    return 0


def report(behaviour: str, words: list[str]) -> int:
    """Print a report of a trace, as `client report` does."""
    if behaviour == "fails":
        print("client: no trace", file=sys.stderr)
        return ERROR
    events = json.loads(Path(words[0]).read_bytes())
    print(json.dumps([len(events), *words[1:]]))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
