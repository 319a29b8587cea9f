"""Defaults that more than one place needs: the command line that shows them, and the dataclass that the program uses.

`--help` imports this module, so it imports nothing itself. A default of 0, False, None or an empty list means that the
option was not given, and is not listed.
"""

EDITION = "survey"
FORMAT = "human"
METHOD = "GET"
PATH = "/"
USER_AGENT = "asynclab"

TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0
HEAD_TIMEOUT_S = 10.0

CONCURRENCY = 64
MAX_REDIRECTS = 10
MAX_HEAD_BYTES = 256 * 1024
MAX_HEAD_FIELDS = 1_000

IN_CONTAINER = "docker compose run --rm client"  # what a person types to run the client
ON_HOST = ".venv/bin/python -m services.client"
WAITS_FOR = "CLIENT_WAITS_FOR"  # the variable that lists services, and the ports where they say whether they are ready

PIPELINE_ITEMS = 5
PIPELINE_EDITION = "generator"
PRODUCERS = 1
CONSUMERS = 4
QUEUE_SIZE = 100
HELLO_USERS = 100
COMPARED_USERS = 5
WORKER_CONCURRENCY = 64
TRACE = "trace.json"
HELD_S = 0.1  # as asyncio's own debug mode has it (slow_callback_duration)
