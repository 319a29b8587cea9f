"""`client report TRACE...`: draws traces that were recorded before, as one HTML file on stdout.

Several files are drawn together, on one clock where they have one: as the client and the workers of a run.
"""

from dataclasses import dataclass
from pathlib import Path

from services.client.report.page import report_html
from services.client.report.words import Language
from services.client.trace.chrome.reading import read_trace
from services.runtime.terminal import show_bytes


@dataclass(frozen=True, slots=True)
class Options:
    """`traces`: the files; `made_by`: the command that made them, if it is known; `language`: of the report."""

    traces: list[str]
    made_by: str
    language: Language


def run(options: Options) -> int:
    """Print the report, and return 0. Raises InputUnreadable, NotATrace, or OutputFailed."""
    traces = [read_trace(Path(each)) for each in options.traces]
    title = ", ".join(process.name for trace in traces for process in trace.processes[:1])
    html = report_html(traces, title=title, command=options.made_by, language=options.language)
    show_bytes(html.encode())
    return 0
