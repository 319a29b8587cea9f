"""Asking a site's admin side: one question, one answer, or a failure with a name."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from services.client.admin.answers import NotASite, read_problems
from services.client.admin.options import SITE_TIMEOUT_S
from services.client.errors import FetchError, fetch_error
from services.client.session import NOT_ENCODED, read_at_most
from services.client.settings import ADMIN_PORT, ClientSettings
from services.runtime.errors import ProgramError
from services.runtime.terminal import printable, say
from services.runtime.untrusted import parse_json

MAX_PLAN_BYTES = 1024 * 1024
MAX_ANSWER_BYTES = 4 * 1024 * 1024  # of plans, kinds and verdicts, which have far less


class WrongUsage(ProgramError):
    """A command line asks for what cannot be."""


class FileUnreadable(ProgramError):
    """A file that was named cannot be read."""

    exit_code = 3

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"cannot read {file}: {reason}")
        self.file, self.reason = file, reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What the admin side said: a status, and an object of JSON."""

    status: int
    data: Mapping[str, object]


async def ask(
    settings: ClientSettings,
    site: str,
    method: str,
    path: str,
    *,
    body: object = None,
    query: Mapping[str, str] | None = None,
    most_bytes: int | None = None,
    hint: str = "",
) -> Answer:
    """Put a question to the admin side of a site. Raises FetchError where nothing that a site can say comes in time.

    `most_bytes`: of an answer, MAX_ANSWER_BYTES unless told; `hint`: what a person can do about one that has more.
    """
    timeout, most = aiohttp.ClientTimeout(total=SITE_TIMEOUT_S), most_bytes or MAX_ANSWER_BYTES
    try:
        async with asyncio.timeout(SITE_TIMEOUT_S):
            host, port = await settings.topology.locate(site, ADMIN_PORT)
            url = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False, auto_decompress=False) as session,
                session.request(
                    method,
                    url,
                    json=body,
                    params=query,
                    headers={"Host": site, **NOT_ENCODED},
                    allow_redirects=False,
                ) as response,
            ):
                raw = await read_at_most(response.content, most)
                if raw is None:
                    raise FetchError("malformed_head", f"the answer has more than {most:,} bytes{hint}")
                return Answer(response.status, understood(raw))
    except aiohttp.ClientConnectorError as error:
        raise fetch_error(error.os_error) from error
    except aiohttp.ClientError as error:
        raise FetchError("closed", str(error)) from error
    except TimeoutError as error:
        raise FetchError("head_timeout", f"the admin side gave no answer within {SITE_TIMEOUT_S:g} s") from error
    except OSError as error:
        raise fetch_error(error) from error


def understood(raw: bytes) -> Mapping[str, object]:
    """Return the object that an answer is. Raises Stranger for what is none."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise NotASite
    return data


def complain(command: str, site: str, answer: Answer) -> int:
    """Say on stderr why the site refused, a line for each field, and return the exit code. Raises Stranger."""
    problems = read_problems(answer.data)
    if answer.status < 400 or not problems:
        raise NotASite
    for problem in problems:
        say(printable(f"{command} {site}: {problem.field}: {problem.reason}"))
    return 1


def no_answer(command: str, site: str, error: FetchError) -> int:
    """Say on stderr that nothing answered, and return the exit code."""
    say(printable(f"{command} {site}: {error}"))
    return 4


def read_json(text: str) -> object:
    """Return what JSON, or a file of it, says; `-` is stdin. Blocks. Raises WrongUsage or FileUnreadable."""
    inline = text.lstrip()[:1] in {"{", "["}
    try:
        return parse_json(text if inline else read_plan(text))
    except OSError as error:
        raise FileUnreadable(text, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"{'this' if inline else text} is not JSON: {error}") from error


def read_plan(name: str) -> bytes:
    """Return what a file holds; `-` is stdin. Raises OSError or FileUnreadable."""
    source = 0 if name == "-" else name
    # Unbuffered: a buffer that a thread still reads into cannot be closed when the program ends.
    with open(source, "rb", buffering=0, closefd=source != 0) as file:
        raw = b""
        while block := file.read(MAX_PLAN_BYTES + 1 - len(raw)):
            raw += block
    if len(raw) > MAX_PLAN_BYTES:
        raise FileUnreadable(name, f"is larger than {MAX_PLAN_BYTES:,} bytes")
    return raw
