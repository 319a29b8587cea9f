"""The client's commands: what each is for, which module runs it, and examples.

A command's handler is a module with a dataclass `Options`, whose fields are the names of the command's options, and an
`async def main(options, settings, stop)` or, for a command that needs no loop, a `def run(options)`. The module is
imported when the command is to run, and not before.
"""

from argparse import ArgumentParser
from collections.abc import Callable

from services.client.admin.options import add_faults, add_journal
from services.client.options.bounds import add_timeout
from services.client.options.programs import (
    add_compare,
    add_hello,
    add_parse,
    add_pipeline,
    add_record,
    add_report,
    add_trace_program,
    add_worker,
)
from services.client.options.wget import add_wget

A_RECORDING = "services/sites/recordings/www.163.com.http"


class Command:
    """One command of the client.

    Arguments:
        summary: what it is for, in a few words.
        handler: the name of the module that runs it.
        add_options: declares its options.
        takes: its arguments, as the usage line shows them.
        has_loop: whether it runs on an event loop, and so has --loop.
        has_lab: whether it may need a lab, and so has --lab.
        takes_rest: whether all words from its first argument on are for a program that it runs.
        needs_lab: the option without which it needs none all the same.
        examples: command lines without the name of the program.
        before: lines of the shell that make the files of the examples.
    """

    __slots__ = (
        "add_options",
        "before",
        "examples",
        "handler",
        "has_lab",
        "has_loop",
        "needs_lab",
        "summary",
        "takes_rest",
        "usage",
    )

    def __init__(
        self,
        summary: str,
        handler: str,
        add_options: Callable[[ArgumentParser], None],
        *,
        takes: str = "",
        has_loop: bool = True,
        has_lab: bool = True,
        takes_rest: bool = False,
        needs_lab: str = "",
        examples: tuple[str, ...],
        before: tuple[str, ...] = (),
    ) -> None:
        self.summary, self.handler, self.add_options, self.has_loop = summary, handler, add_options, has_loop
        self.usage = f"%(prog)s [OPTIONS] {takes}".rstrip()
        self.has_lab, self.needs_lab, self.takes_rest = has_lab, needs_lab, takes_rest
        self.examples, self.before = examples, before


TOUR = Command(
    "all three programs of the tutorial",
    "services.client.tour",
    add_timeout,
    examples=("", "--loop uvloop", "wget --help"),
)
COMMANDS = {
    "wget": Command(
        "fetch response heads",
        "services.client.wget.command",
        add_wget,
        takes="[TARGET ...]",
        examples=(
            "wget www.163.com https://www.sohu.com/ --ca lab",
            "wget -i hosts.txt --format jsonl -o heads.jsonl --resume",
            "wget -i hosts.txt --format csv --columns target,status,server --only 2xx",
            "wget -i - --method HEAD --path /robots.txt --rate 50 < hosts.txt",
        ),
        before=("printf '%s\\n' www.163.com www.sohu.com > hosts.txt",),
    ),
    "compare": Command(
        "one after another and at once: measured, and drawn on one time axis",
        "services.client.compare.command",
        add_compare,
        takes="[wget|hello|pipeline]",
        examples=("compare", "compare hello", "compare --loop uvloop --format json"),
    ),
    "pipeline": Command(
        "run the producer/consumer pipeline",
        "services.client.pipeline.command",
        add_pipeline,
        needs_lab="input",
        examples=(
            "pipeline -n 3",
            "pipeline --edition queue -i hosts.txt --consumers 20 --format jsonl",
            "pipeline --edition all",
        ),
        before=("printf '%s\\n' www.163.com www.sohu.com > hosts.txt",),
    ),
    "worker": Command(
        "work at the pipeline's jobs of a broker, until stopped",
        "services.client.pipeline.jetstream.worker.command",
        add_worker,
        has_lab=False,
        examples=("worker", "worker --concurrency 200 --loop uvloop"),
    ),
    "record": Command(
        "keep responses to the byte, for sites to play",
        "services.client.record.program",
        add_record,
        takes="URL...",
        examples=(
            "record http://www.163.com/ -o -",
            "record http://www.sohu.com/ --head-only --name copy.test --force",
            "record http://www.163.com/ http://www.163.com/news -o copies --force",
        ),
    ),
    "hello": Command(
        "let N users at once ask the hello server",
        "services.client.hello",
        add_hello,
        examples=("hello --users 1000 --loop uvloop",),
    ),
    "trace": Command(
        "record any asyncio program: its tasks, what they wait for, what holds the loop",
        "services.client.trace.program.command",
        add_trace_program,
        takes="SCRIPT.py [ARGS]",
        has_loop=False,
        has_lab=False,
        takes_rest=True,
        examples=("trace script.py --its-own-option", "trace --trace lanes.json -m script"),
        before=("printf '%s\\n' 'import asyncio' 'asyncio.run(asyncio.sleep(1))' > script.py",),
    ),
    "report": Command(
        "draw traces that were recorded before, as one HTML file on stdout",
        "services.client.report.command",
        add_report,
        takes="TRACE...",
        has_loop=False,
        has_lab=False,
        examples=("pipeline --edition queue --trace lanes.json", "report lanes.json > lanes.html"),
    ),
    "parse": Command(
        "read one raw response head, and print it as JSON",
        "services.client.parse",
        add_parse,
        takes="[FILE]",
        has_loop=False,
        has_lab=False,
        examples=(f"parse {A_RECORDING}", f"parse --strict < {A_RECORDING}"),
    ),
    "faults": Command(
        "what a site does wrong: list, set, clear, reset, kinds",
        "services.client.admin.faults",
        add_faults,
        takes="ACTION SITE [FAULT]",
        examples=(
            "faults kinds www.163.com",
            "faults set www.163.com rst_at --bytes 40 --first 1",
            "faults clear www.163.com",
        ),
    ),
    "journal": Command(
        "what a site got and sent",
        "services.client.admin.journal",
        add_journal,
        takes="SITE",
        examples=(
            "journal www.163.com --limit 10",
            """journal www.163.com --verify '{"expect": [{"match": {"status": 503}, "count": 0}]}'""",
        ),
    ),
}
