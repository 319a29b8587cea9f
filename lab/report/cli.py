"""`lab report [TRACE...]`: draws traces or, without any, runs the tutorial's story and draws that, in two languages."""

import errno
import os
import shlex
import signal
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lab import PROGRAM
from lab.errors import LabError
from lab.interrupts import interrupted_by
from services.runtime.cli import not_empty
from services.runtime.settings import Environment
from services.runtime.terminal import say, show

if TYPE_CHECKING:
    from services.client.report.page import Scene

ENDED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INDEX = "index.html"
USUAL = "report"


class LabForNothing(LabError):
    """A lab is named for traces, which were recorded before."""

    def __init__(self) -> None:
        super().__init__("--lab is nothing beside traces, which need no lab", "leave one of them out")


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "traces",
        metavar="TRACE",
        nargs="*",
        type=not_empty(),
        help="files of --trace; none: the tutorial's story is run",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        type=not_empty(),
        default=USUAL,
        help=f"a directory, or a file that ends in .html ({USUAL})",
    )
    parser.add_argument(
        "--lab",
        metavar="URL",
        type=not_empty(),
        help="the story: run it in the lab that stands there: its gateway's URL (ASYNCLAB_URL)",
    )


def report(options: Namespace) -> int:
    """Write the page in both languages, and print where it is. Returns 1 where some of the story failed, else 0.

    Raises LabError or ProgramError.
    """
    from services.client.report.file import write_report
    from services.client.report.page import page_html
    from services.client.report.words import LANGUAGES, Language

    if options.traces and options.lab:
        raise LabForNothing
    files: dict[Language, Path] = dict(zip(LANGUAGES, pages(options.output), strict=True))
    with interrupted_by(*ENDED_BY), room_for(list(files.values())):
        scenes, ok = (of_traces(options.traces), True) if options.traces else of_story(options.lab)
        links = {language: file.name for language, file in files.items()}
        for language, file in files.items():
            title = {"en": "Seeing async", "zh": "看见异步"}[language] if not options.traces else "lab report"
            write_report(str(file), page_html(scenes, title=title, language=language, links=links))
    show("\n".join(map(str, files.values())))
    return 0 if ok else 1


def pages(output: str) -> tuple[Path, Path]:
    """Return the files of the page in English and in Chinese."""
    path = Path(output)
    english = path if path.suffix == ".html" and not path.is_dir() else path / INDEX
    return english, english.with_name(f"{english.stem}.zh.html")


@contextmanager
def room_for(files: list[Path]) -> Iterator[None]:
    """Have the directory of files, in which they can be written; one that is new goes again if the block raises.

    Raises CannotWriteReport.
    """
    from services.client.report.file import CannotWriteReport, check_writable
    from services.runtime.files.ownership import make_directory

    directory = files[0].parent
    new = [each for each in (directory, *directory.parents) if not each.exists()]
    try:
        try:
            make_directory(directory)
        except FileExistsError as error:
            raise CannotWriteReport(str(files[0]), os.strerror(errno.ENOTDIR)) from error
        except OSError as error:
            raise CannotWriteReport(str(files[0]), error.strerror or str(error)) from error
        for file in files:
            check_writable(str(file))
        yield
    except BaseException:
        for each in new:
            with suppress(OSError):
                each.rmdir()
        raise


def of_traces(names: list[str]) -> "list[Scene]":
    """Return one scene, of traces that are there. Raises InputUnreadable or NotATrace."""
    from services.client.report.page import Scene
    from services.client.report.words import LANGUAGES
    from services.client.trace.chrome.reading import read_trace

    traces = [read_trace(Path(name)) for name in names]
    command = f"{PROGRAM} report {shlex.join(names)}"
    return [Scene(traces, dict.fromkeys(LANGUAGES, (command,)))]


def of_story(lab: str | None) -> "tuple[list[Scene], bool]":
    """Return the scenes of the tutorial's story, and whether all of it went well.

    It runs in the lab that is named here or by ASYNCLAB_URL, or in embedded ones.

    Raises RunFailed or ProgramError.
    """
    from lab.report.recording import recorded
    from lab.report.scenes import PLANS
    from lab.report.ways import labs_at

    url = lab or Environment().text("ASYNCLAB_URL", "")
    labs = labs_at("--lab" if lab else "ASYNCLAB_URL", url)
    story = [recorded(plan, labs=labs, say=say) for plan in PLANS]
    return [each.scene for each in story], all(each.ok for each in story)
