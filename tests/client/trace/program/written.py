"""Programs that a test writes, and what may differ in what they print."""

import re
from pathlib import Path

WORK = """
import asyncio, os, signal, sys, threading
async def work():
    await asyncio.sleep(0)
"""
TRACED = re.compile(r"^trace: .*\n\Z", re.MULTILINE)


def program(directory: Path, text: str) -> str:
    """Write a program, and return its file's name."""
    (directory / "program.py").write_text(WORK + text + "\n")
    return "program.py"


def without_addresses(text: str) -> str:
    """Return a text in which addresses of objects, the wrapper's name in a task's, and default names are alike.

    Python 3.12 and newer warns of a fork beside the recorder's thread; 3.13.0 to 3.13.4 name no task of a factory.
    """
    return re.sub(
        r"coro=<.*?>|0x[0-9a-f]+|name='(Task-\d+|None)'|.*use of fork\(\).*\n.*\n|MainThread, started \d+",
        "",
        text,
    )
