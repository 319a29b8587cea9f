"""The `.env` file beside compose.yaml: reading it, and changing one line of it.

A person writes settings into it; the lab adds what it has to remember. Compose reads the same file by itself.
python-dotenv does the parsing. Two things are added here: a broken line is an error with its line number
(python-dotenv skips such a line), and a change keeps the file's owner and mode (python-dotenv makes a new file).
`lab.settings` reads the file once for a command; only a change reads it again.
"""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import EnvFileBroken, EnvFileUnreadable, EnvFileUnwritable, SettingUnfit
from services.runtime.files import ownership
from services.runtime.files.regular import read_regular

if TYPE_CHECKING:
    from dotenv.parser import Binding, Original

LIMIT_BYTES = 64 * 1024
PLAIN = re.compile(r"[\w./:@%+,=~-]*", re.ASCII)
LITERAL = re.compile(r"(?:(?!\$\{)[^'\\\x00-\x1f\x7f])*")  # as it is, in single quotes


def read(path: Path) -> dict[str, str]:
    """Return the settings in `path`, none if there is no such file. Raises `EnvFileBroken` or `EnvFileUnreadable`."""
    text = text_of(path)
    if not text:
        return {}
    from dotenv import dotenv_values

    bindings_of(path, text)  # raises for a broken line
    return {key: value for key, value in dotenv_values(stream=io.StringIO(text)).items() if value is not None}


def remember(path: Path, key: str, value: str) -> None:
    """Set one key in `path`, atomically, and keep all other lines, the owner and the mode as they are.

    Raises `SettingUnfit`, `EnvFileBroken` or `EnvFileUnreadable`, and leaves such a file alone, or `EnvFileUnwritable`.
    """
    line = f"{key}={quoted(key, value)}\n"
    if read(path).get(key) != value:
        rewrite(path, key, line, wanted=f"{key}={value}")


def forget(path: Path, key: str) -> None:
    """Remove one key from `path`, atomically, and keep all other lines, the owner and the mode as they are.

    Raises `EnvFileBroken` or `EnvFileUnreadable`, and leaves such a file alone, or `EnvFileUnwritable`.
    """
    if key in read(path):
        rewrite(path, key, "", wanted=f"no {key}")


def quoted(key: str, value: str) -> str:
    """Return the value as a line of `.env` has it. Raises `SettingUnfit` for one that no line can hold."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SettingUnfit(key, value, "it is not UTF-8") from error
    if PLAIN.fullmatch(value):
        return value
    if LITERAL.fullmatch(value):
        return f"'{value}'"
    raise SettingUnfit(key, value, "it has a quote, a backslash, ${ or a control character")


def rewrite(path: Path, key: str, line: str, *, wanted: str) -> None:
    """Put `line` where `key` was set last, or at the end; a key that was set twice has one line afterwards."""
    lines: list[str] = []
    place = None
    for binding in bindings_of(path, text_of(path)):
        text = binding.original.string
        if binding.key == key:
            lines.append(
                text[: len(text) - len(text.lstrip())]
            )  # blank lines before it: the parser counts them as part of it
            place = len(lines)
        else:
            lines.append(text)
    if place is None:
        place = len(lines)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
    lines.insert(place, line)
    try:
        ownership.write(path, "".join(lines))
    except OSError as error:
        raise EnvFileUnwritable(path, reason=error.strerror or "", wanted=wanted) from error


def bindings_of(path: Path, text: str) -> list["Binding"]:
    """Return the file's lines, comments too. Raises `EnvFileBroken` for a line that sets nothing."""
    from dotenv.parser import parse_stream

    found = list(parse_stream(io.StringIO(text)))
    for binding in found:
        if binding.error or (binding.key is not None and binding.value is None):
            raise EnvFileBroken(path, what="is not KEY=VALUE", line=line_of(binding.original))
    return found


def line_of(original: "Original") -> int:
    """Return the line on which a binding starts; the parser counts the blank lines before a binding as part of it."""
    text = original.string
    return original.line + text[: len(text) - len(text.lstrip())].count("\n")


def text_of(path: Path) -> str:
    """Return what the file holds. Raises `EnvFileBroken` or `EnvFileUnreadable`."""
    try:
        head = read_regular(path, most=LIMIT_BYTES)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise EnvFileUnreadable(path, reason=error.strerror or str(error)) from error
    if len(head) > LIMIT_BYTES:
        raise EnvFileBroken(path, what=f"is larger than {LIMIT_BYTES} bytes")
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EnvFileBroken(path, what="is not UTF-8", line=head.count(b"\n", 0, error.start) + 1) from error
