"""`lab watch` as a program, and its page in a browser."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as BrowserError

from lab import ROOT
from tests.browser.chromium import View, opened
from tests.lab.watching.test_watch import children_of, words_of
from tests.ports import held_port

SAID = re.compile(r"http://127\.0\.0\.1:(\d+)/")
COMMAND = (sys.executable, "-m", "lab", "watch", "--no-open", "--port")
END_S = 20
LOADS = 5  # a browser drops what it loads where a network interface comes or goes, as containers make them
RUN_MS = 60_000
READY_MS = 5_000
POLL_MS = 50
POLLS = 600
USUAL = View()
BAD = (0xB9, 0x2C, 0x19)  # --bad of the light scheme
PIXELS = """(colour) => {
    const canvas = document.querySelector("#run .lanes canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) count += colour.every((each, at) => data[i + at] === each) ? 1 : 0;
    return count;
}"""


class WatchProgram:
    """The program; `url`: its page's. It can be stopped, and started again at the same port."""

    def __init__(self) -> None:
        self.port = ""
        self._held = ExitStack()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.port = str(self._held.enter_context(held_port()))
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._held:
            self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it, and wait until it says where the page is."""
        environment = {**os.environ, "BROKER_ACK_WAIT_S": "1"}
        self._process = subprocess.Popen(
            [*COMMAND, self.port],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        found = SAID.search(line)
        assert found, line
        assert found[1] == self.port

    def stop(self) -> None:
        """Stop it, as ^C does; what it has started ends with it."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.wait(END_S)
        assert self._process.stdout
        self._process.stdout.close()
        self._process = None

    def workers(self) -> list[int]:
        """Return the process ids of the workers that it has started."""
        assert self._process
        return [pid for pid in children_of(self._process.pid) if "worker" in words_of(pid)]


def open_page(browser: Browser, url: str, view: View = USUAL) -> Page:
    """Return the page, open and told of the lab."""
    page = opened(browser, url, view)
    wait_for_begin(page)
    return page


def load_again(page: Page) -> None:
    """Load the page again, as its user would."""
    page.reload(wait_until="load")
    wait_for_begin(page)


def wait_for_begin(page: Page) -> None:
    """Wait until the page shows what can be run."""
    for _ in range(LOADS):
        try:
            page.wait_for_selector("#run button[type=submit]", state="attached", timeout=READY_MS)
        except BrowserError:
            page.reload(wait_until="load")
        else:
            return
    raise AssertionError(f"the page does not begin: {page.locator('body').inner_text()}")


def press_run(page: Page) -> None:
    """Press Run, and wait until the run has ended."""
    button = page.locator("#run button[type=submit]")
    button.click()
    expect(button).to_have_text(re.compile("Stop|停止"), timeout=RUN_MS)
    expect(button).to_have_text(re.compile("Run|运行"), timeout=RUN_MS)


def numbers(page: Page) -> list[list[list[str]]]:
    """Return the tables of numbers: of each panel its lanes, each as the texts of its cells."""
    details = page.locator("#run details", has_text=re.compile("The numbers|数据"))
    if not details.evaluate("each => each.open"):
        details.locator("summary").click()
    found: list[list[list[str]]] = details.evaluate(
        "each => [...each.querySelectorAll('table')].map(table => [...table.tBodies[0].rows]"
        ".map(row => [...row.cells].map(cell => cell.textContent)))"
    )
    return found


def painted(page: Page, colour: Sequence[int]) -> int:
    """Return how many pixels of the first panel's lanes have this colour: red, green, blue."""
    count: int = page.evaluate(PIXELS, [*colour])
    return count


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true in the page. Playwright's own way is `eval`, which the page's policy forbids."""
    for _ in range(POLLS):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(POLL_MS)
    raise AssertionError(f"never true: {expression}")


def open_trace(page: Page, file: Path) -> None:
    """Open a trace file in the page."""
    page.locator("#run input[type=file]").set_input_files(file)
