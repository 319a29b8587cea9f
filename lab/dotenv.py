"""The `.env` file beside compose.yaml: what the person set, and what the lab remembers for the next time.

Compose reads the same file by itself. python-dotenv does the parsing and the atomic rewriting; what is added
here is that a broken line is an error that names its number, where python-dotenv would pass over it.
"""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import EnvFileBroken, EnvFileUnwritable

if TYPE_CHECKING:
    from dotenv.parser import Original

ENV_FILE = Path(__file__).resolve().parent.parent / ".env"
LIMIT_BYTES = 64 * 1024


def read(path: Path = ENV_FILE) -> dict[str, str]:
    """The settings in `path`, none if there is no such file. Raises `EnvFileBroken`."""
    text = _text(path)
    if not text:
        return {}
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            raise EnvFileBroken(path, what="is not KEY=VALUE", line=_line(binding.original))
    return {key: value for key, value in dotenv_values(stream=io.StringIO(text)).items() if value is not None}


def settings(environ: Mapping[str, str] = os.environ, path: Path = ENV_FILE) -> dict[str, str]:
    """What the environment says and, where it says nothing, `path`, as Compose has it. Raises `EnvFileBroken`."""
    return read(path) | {key: value for key, value in environ.items() if value}


def remember(path: Path, key: str, value: str) -> None:
    """Set one key in `path`, atomically, and keep all other lines as they are.

    Raises `EnvFileBroken`, and leaves such a file alone, or `EnvFileUnwritable`.
    """
    if read(path).get(key) == value:
        return
    from dotenv import set_key

    try:
        set_key(path.resolve(), key, value, quote_mode="never")
    except OSError as error:
        raise EnvFileUnwritable(path, reason=error.strerror or "", wanted=f"{key}={value}") from error


def forget(path: Path, key: str) -> None:
    """Remove one key from `path`, atomically, and keep all other lines as they are.

    Raises `EnvFileBroken`, and leaves such a file alone, or `EnvFileUnwritable`.
    """
    if key not in read(path):
        return
    from dotenv import unset_key

    try:
        unset_key(path.resolve(), key, quote_mode="never")
    except OSError as error:
        raise EnvFileUnwritable(path, reason=error.strerror or "", wanted=f"no {key}") from error


def _line(original: "Original") -> int:
    """The line on which a binding starts; the parser counts the blank lines before it as its own."""
    text = original.string
    return original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(LIMIT_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise EnvFileBroken(path, what=f"cannot be read ({error.strerror})") from error
    if len(head) > LIMIT_BYTES:
        raise EnvFileBroken(path, what=f"is larger than {LIMIT_BYTES} bytes")
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EnvFileBroken(path, what="is not UTF-8", line=head.count(b"\n", 0, error.start) + 1) from error
