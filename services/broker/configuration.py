"""The configuration of `nats-server`, as it reads it: https://docs.nats.io/running-a-nats-service/configuration.

Its language is nearly a superset of JSON, so it is written as JSON. It has other escapes: each is one of a byte.
"""

import json
import os
import re

from services.broker.password import USER
from services.broker.settings import ServerSettings

MAX_PAYLOAD_BYTES = 8 * 1024 * 1024  # above it, the program warns; a record of the survey's largest usual head fits
MAX_CONNECTIONS = 1024  # 64 workers, and as many clients, have one or two each
LOGIN_S = 5
PING_S, PINGS = 5, 2  # so a peer whose machine or network is gone is known after 15 s; by default, after six minutes
ESCAPED = re.compile(r"\\u00([0-9a-f]{2})|\\([bf])|\\.|([^\x00-\x7f])")  # what JSON escapes, or has as it is
MEMORY_STORE_BYTES = 1024 * 1024  # every stream of the lab is in files


def configuration(settings: ServerSettings, password: str) -> str:
    """Return the text of the configuration.

    `sync_interval: always`: what the broker has acknowledged is on the disk, also after a loss of power. By default it
    writes to the system's memory, and to the disk every two minutes.
    """
    jetstream: dict[str, object] = {
        "store_dir": str(settings.store),
        "max_memory_store": MEMORY_STORE_BYTES,
        "sync_interval": "always",
    }
    if settings.store_bytes is not None:
        jetstream["max_file_store"] = settings.store_bytes
    text: dict[str, object] = {
        "server_name": "broker",
        "listen": str(settings.where),
        "authorization": {"user": USER, "password": password, "timeout": LOGIN_S},
        "max_payload": MAX_PAYLOAD_BYTES,
        "max_connections": MAX_CONNECTIONS,
        "ping_interval": f"{PING_S}s",
        "ping_max": PINGS,
        "jetstream": jetstream,
    }
    if settings.monitoring is not None:
        text["http"] = str(settings.monitoring)
    return ESCAPED.sub(escape_of, json.dumps(text, indent=1, ensure_ascii=False)) + "\n"


def escape_of(found: re.Match[str]) -> str:
    """Return an escape, or a character, of JSON as the program reads it; a name of a file may be any bytes."""
    code, letter, character = found.groups()
    if code:
        return f"\\x{code}"
    if letter:
        return {"b": r"\x08", "f": r"\x0c"}[letter]
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character)) if character else found[0]
