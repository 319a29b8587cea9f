"""`lab report [TRACE...]`: draws traces or, without any, runs the tutorial's story and draws that, in two languages."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from lab import PROGRAM
from services.runtime.terminal import say, show

if TYPE_CHECKING:
    from services.client.report.page import Scene

INDEX = "index.html"
USUAL = "report"


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "traces", metavar="TRACE", nargs="*", help="files of --trace; none: the tutorial's story is run"
    )
    parser.add_argument(
        "-o", "--output", metavar="PATH", default=USUAL, help=f"a directory, or a file that ends in .html ({USUAL})"
    )
    parser.add_argument("--lab", metavar="URL", default="", help="the story: run it in the lab that stands there")


def report(options: Namespace) -> int:
    """Write the page in both languages, and print where it is. Raises LabError or ProgramError."""
    from services.client.report.file import check_writable, write_report
    from services.client.report.page import page_html
    from services.client.report.words import LANGUAGES, Language

    files: dict[Language, Path] = dict(zip(LANGUAGES, pages(options.output), strict=True))
    files["en"].parent.mkdir(parents=True, exist_ok=True)
    for file in files.values():
        check_writable(str(file))
    scenes = drawn(options)
    links = {language: file.name for language, file in files.items()}
    for language, file in files.items():
        title = {"en": "Seeing async", "zh": "看见异步"}[language] if not options.traces else "lab report"
        write_report(str(file), page_html(scenes, title=title, language=language, links=links))
    show("\n".join(map(str, files.values())))
    return 0


def pages(output: str) -> tuple[Path, Path]:
    """Return the files of the page in English and in Chinese."""
    path = Path(output)
    english = path if path.suffix == ".html" and not path.is_dir() else path / INDEX
    return english, english.with_name(f"{english.stem}.zh.html")


def drawn(options: Namespace) -> "list[Scene]":
    """Return the scenes: one of the traces that are given, or those of the story."""
    from services.client.report.page import Scene

    if options.traces:
        from services.client.trace.chrome.reading import read_trace

        traces = [read_trace(Path(name)) for name in options.traces]
        return [Scene(traces, f"{PROGRAM} report {' '.join(options.traces)}")]
    from lab.report.recording import recorded
    from lab.report.scenes import PLANS

    return [recorded(plan, lab=options.lab, say=say) for plan in PLANS]
