"""Requests to the admin API of a site, and the messages of the two commands when one fails."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp

from services.client.admin.answers import NotASite, Refusal, read
from services.client.errors import NOTHING_ANSWERED, FetchError, fetch_error
from services.client.network.session import NOT_ENCODED, read_at_most
from services.client.settings import ClientSettings
from services.runtime.errors import ProgramError
from services.runtime.http import ADMIN_PORT
from services.runtime.terminal import printable, say
from services.runtime.untrusted import parse_json

SITE_TIMEOUT_S = 10.0
MAX_FILE_BYTES = 1024 * 1024
MAX_ANSWER_BYTES = 4 * 1024 * 1024  # of plans, kinds and verifications, which are far smaller


class WrongUsage(ProgramError):
    """The options of a command do not go together, or an argument is not JSON."""


class FileUnreadable(ProgramError):
    """A file cannot be read."""

    exit_code = 3

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"cannot read {file}: {reason}")
        self.file, self.reason = file, reason


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of the admin API: a status, and an object of JSON."""

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
    """Send a request to the admin API of a site. Raises FetchError if no answer of a site comes in time.

    `most_bytes`: the limit of the answer, by default MAX_ANSWER_BYTES; `hint`: what to do if the answer is larger.
    """
    most = most_bytes or MAX_ANSWER_BYTES
    with errors_as_fetch_errors():
        async with asyncio.timeout(SITE_TIMEOUT_S):
            url = await admin_url(settings, site) + path
            timeout = aiohttp.ClientTimeout(total=SITE_TIMEOUT_S)
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False, auto_decompress=False) as session,
                session.request(
                    method,
                    url,
                    json=body,
                    params=query,
                    headers={"Host": site, **NOT_ENCODED},
                    allow_redirects=False,
                    proxy=settings.proxy,
                ) as response,
            ):
                raw = await read_at_most(response.content, most)
                if raw is None:
                    raise FetchError("malformed_head", f"the answer has more than {most:,} bytes{hint}")
                if settings.proxy and response.headers.get("X-Asynclab") == "gateway":
                    raise FetchError("unreachable", f"the lab's gateway says: {raw.decode('latin-1').strip()}")
                return Answer(response.status, parse_object(raw))


async def admin_url(settings: ClientSettings, site: str) -> str:
    """Return where the admin API of a site is: the proxy looks the site's name up itself. Raises FetchError."""
    host, port = site, ADMIN_PORT
    if not settings.proxy:
        host, port = await settings.topology.locate(site, ADMIN_PORT)
    elif settings.topology.route(site, port) is None:
        raise settings.topology.no_route(site, port)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@contextmanager
def errors_as_fetch_errors() -> Iterator[None]:
    """Raise the errors of a request to the admin API as FetchErrors."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        raise fetch_error(error.os_error) from error
    except aiohttp.ClientError as error:
        raise FetchError("closed", str(error)) from error
    except TimeoutError as error:
        raise FetchError("head_timeout", f"the admin side gave no answer within {SITE_TIMEOUT_S:g} s") from error
    except OSError as error:
        raise fetch_error(error) from error


def parse_object(raw: bytes) -> Mapping[str, object]:
    """Return the object of JSON in an answer. Raises NotASite if it is anything else."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise NotASite
    return data


def report_refusal(command: str, site: str, answer: Answer) -> int:
    """Print the problems of a refusal on stderr, a line each, and return the exit code. Raises NotASite."""
    problems = read(Refusal, answer.data).problems
    if answer.status < 400 or not problems:
        raise NotASite
    for problem in problems:
        say(printable(f"{command} {site}: {problem.field}: {problem.reason}"))
    return 1


def report_no_answer(command: str, site: str, error: FetchError) -> int:
    """Print on stderr why there is no answer, and return the exit code."""
    say(printable(f"{command} {site}: {error}"))
    return NOTHING_ANSWERED


def read_json(text: str) -> object:
    """Return JSON from an argument, or from the file that it names; `-` is stdin. It blocks.

    Raises WrongUsage or FileUnreadable.
    """
    inline = text.lstrip()[:1] in {"{", "["}
    try:
        return parse_json(text if inline else read_file(text))
    except OSError as error:
        raise FileUnreadable(text, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"{'this' if inline else text} is not JSON: {error}") from error


def read_file(name: str) -> bytes:
    """Return the content of a file; `-` is stdin. Raises OSError or FileUnreadable."""
    source = 0 if name == "-" else name
    # Unbuffered: a buffer that a thread still reads into cannot be closed when the program ends.
    with open(source, "rb", buffering=0, closefd=source != 0) as file:
        raw = b""
        while block := file.read(MAX_FILE_BYTES + 1 - len(raw)):
            raw += block
    if len(raw) > MAX_FILE_BYTES:
        raise FileUnreadable(name, f"is larger than {MAX_FILE_BYTES:,} bytes")
    return raw
