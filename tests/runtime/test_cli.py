"""What every program prints: on streams of any encoding, after an interrupt, and for an error."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT
from services.runtime.cli import OptionParser, main_of
from services.runtime.errors import NoFile, OutOfMemory, ProgramError

SHOWS = """
from services.runtime.cli import main_of
from services.runtime.terminal import show
main_of(lambda: show("caf\\xe9 \\u2713 \\udcff") or 0, name="x")
"""


SHOWS_WITHOUT_MAIN = """
from services.runtime.terminal import show
show("caf\\xe9 \\u2713 \\udcff")
"""
ASCII = (b"caf\\xe9 \\u2713 \\udcff\n", b"")
LATIN_1 = (b"caf\xe9 \\u2713 \\udcff\n", b"")


@pytest.mark.parametrize("program", [SHOWS, SHOWS_WITHOUT_MAIN], ids=["in a program", "by itself"])
@pytest.mark.parametrize(
    ("variables", "written"),
    [
        ({"PYTHONIOENCODING": "ascii"}, ASCII),
        ({"PYTHONIOENCODING": "latin-1:strict"}, LATIN_1),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, ASCII),
    ],
    ids=["ASCII", "Latin-1", "the C locale"],
)
def test_characters_that_an_encoding_lacks_are_escaped(
    program: str, variables: dict[str, str], written: tuple[bytes, bytes]
) -> None:
    """A head in Latin-1, or a tick in a table, does not end a program whose stdout is ASCII."""
    environment = os.environ | variables
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == written


INTERRUPTS_AT = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPTED_AT"]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""
MAIN = "import sys; from lab.__main__ import main; sys.exit(main())"


@pytest.mark.parametrize(
    ("words", "late"),
    [
        (("-m", "services.client", "pipeline"), "services.runtime.run"),
        (("-m", "services.hello"), "services.runtime.settings"),
        (("-m", "services.sites"), "services.runtime.settings"),
        (("-m", "services.gateway"), "services.runtime.settings"),
        (("-m", "lab", "doctor"), "lab.doctor"),
        (("-c", MAIN, "doctor"), "lab.doctor"),
    ],
    ids=["client", "hello", "sites", "gateway", "lab", "the script lab"],
)
@pytest.mark.parametrize("at", ["services.runtime.cli", "argparse", None], ids=str)
def test_an_interrupt_while_a_program_is_imported_is_no_traceback(
    words: tuple[str, ...], late: str, at: str | None, tmp_path: Path
) -> None:
    """Exit 130 and no output, during any import, before and after `main_of` has begun."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS_AT)
    environment = os.environ | {
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "INTERRUPTED_AT": at or late,
        "GATEWAY_TARGET": "127.0.0.1:1",
    }
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_an_interrupt_that_is_ignored_stays_ignored() -> None:
    """As in a program that a shell runs in its background."""
    code = (
        "import signal; signal.signal(2, signal.SIG_IGN); "
        "from services.runtime.interrupts import leave_at_interrupt; leave_at_interrupt(); print(signal.getsignal(2))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert b"IGN" in done.stdout or done.stdout == b"1\n"


def test_an_errors_text_is_one_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    """It may quote text of outside."""

    def program() -> int:
        raise ProgramError("a\nb\x1b[2J\u202e")

    assert main_of(program, name="x") == ProgramError.exit_code
    assert capsys.readouterr().err == "x: a\\x0ab\\x1b[2J\\u202e\n"


@pytest.mark.parametrize(
    ("word", "shown"), [("\x1b[31m", r"\x1b[31m"), ("bad\udcff", r"bad\xff"), ("a\nb", r"a\x0ab"), ("é", "é")]
)
def test_a_word_that_is_refused_is_shown_in_one_line_without_control_characters(
    word: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script may have it from elsewhere."""
    with pytest.raises(SystemExit) as ended:
        OptionParser(prog="name").parse_args([word])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"name: unrecognized arguments: {shown} (see name --help)\n"


@pytest.mark.parametrize(
    "error", [MemoryError(), ImportError("x.so: failed to map segment from shared object")], ids=repr
)
def test_no_memory_is_one_line_where_a_library_is_loaded_too(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """To Python it is an ImportError then, with the words of the dynamic linker."""

    def program() -> int:
        raise error

    assert main_of(program, name="x") == OutOfMemory.exit_code
    assert capsys.readouterr().err == f"x: {OutOfMemory()}\n"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_no_more_open_files_is_one_line(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where a module is imported: Python opens its file."""

    def program() -> int:
        raise OSError(number, os.strerror(number), "module.py")

    assert main_of(program, name="x") == NoFile.exit_code
    assert capsys.readouterr().err == f"x: {NoFile()}\n"


def test_a_module_that_is_missing_is_no_lack_of_memory() -> None:
    """It is a fault of the program or its installation, and shows as one."""

    def program() -> int:
        raise ImportError("cannot import name 'x' from 'y'")

    with pytest.raises(ImportError, match="cannot import name"):
        main_of(program, name="x")


def test_a_help_has_no_colours(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same text on every Python, and wherever it is shown."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.raises(SystemExit):
        OptionParser(prog="x").parse_args(["--help"])
    assert capsys.readouterr().out.startswith("usage: x [-h]\n")
