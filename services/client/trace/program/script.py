"""Running a program as Python runs it: a script, or a module by `-m`, with its own `__main__`, arguments and path.

What it raises is shown as Python shows it, without the frames of the recorder, and its exit code is what Python's would
be. The lab's own packages, `services` and `lab`, are hidden from it: a person's packages may have these names.
"""

import builtins
import os
import runpy
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ExtensionFileLoader, PathFinder, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from services.client.trace.tasks.places import show_from
from services.runtime.cli import INTERRUPTED
from services.runtime.errors import InputUnreadable, ProgramError

OURS = ("services", "lab")
IN_WHEEL = os.path.join("asynclab", "_programs")  # noqa: PTH118 - the end of a text
RAISED = 1
RUN_AS_MAIN: Callable[[str], object] = runpy._run_module_as_main  # type: ignore[attr-defined]
RECORDER = str(Path(__file__).parents[1])  # the folder of the recorder


class NoModule(ProgramError):
    """There is no module of a name, or none that can be run."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot run the module {name[:200]!r}: {reason}")
        self.name, self.reason = name, reason


def read_script(name: str) -> bytes:
    """Return the source of a script. Raises InputUnreadable."""
    try:
        return Path(name).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputUnreadable(name, getattr(error, "strerror", None) or str(error)) from error


def run_script(name: str, source: bytes, arguments: Sequence[str]) -> int:
    """Run a script, and return its exit code."""
    main, file = main_module(), os.path.abspath(name)  # noqa: PTH100 - not through links
    main.__dict__.update(__file__=file, __cached__=None, __loader__=SourceFileLoader("__main__", file))

    def run() -> None:
        code: CodeType = compile(source, file, "exec", dont_inherit=True)
        exec(code, main.__dict__)  # noqa: S102 - that is what was asked for

    with as_program([name, *arguments], path=os.path.dirname(os.path.realpath(name)), main=main):  # noqa: PTH120
        return code_of(run)


def main_module() -> ModuleType:
    """Return the module `__main__` of a program that has not begun."""
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    if sys.version_info < (3, 14):  # there, annotations are made when they are asked for
        main.__annotations__ = {}
    return main


def check_module(name: str) -> None:
    """Raise NoModule where there is no module of this name, or none that can be run.

    What is in a package is looked for when it runs: to look for it would import the package, which is the program's.
    """
    if Path(name).suffix == ".py" and Path(name).is_file():
        raise NoModule(name, "it is a script: leave out -m")
    if "." in name.strip("."):
        return
    try:
        with as_program([name], path=str(Path.cwd()), main=None):
            found = find_spec(name)
    except (ImportError, ValueError) as error:
        raise NoModule(name, str(error)) from error
    if found is None:
        raise NoModule(name, "there is none of this name")
    within = found.submodule_search_locations
    if within is not None and PathFinder.find_spec(f"{name}.__main__", within) is None:
        raise NoModule(name, "it is a package without a __main__")
    if found.origin == "built-in" or isinstance(found.loader, ExtensionFileLoader):
        raise NoModule(name, "it is compiled")


def run_module(name: str, arguments: Sequence[str]) -> int:
    """Run a module as `python -m` does: by the very function that it calls. Returns the exit code."""
    with as_program([name, *arguments], path=str(Path.cwd()), main=main_module()):
        return code_of(lambda: RUN_AS_MAIN(name))


@contextmanager
def as_program(argv: Sequence[str], *, path: str, main: ModuleType | None) -> Iterator[None]:
    """Let what runs inside be the program: its arguments, the first place of its imports, and its `__main__`."""
    before = sys.argv, sys.path[:], dict(sys.modules)
    for each in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[each]
    show_from(path)
    sys.argv = list(argv)
    sys.path[:] = [path, *(each for each in sys.path if not each.endswith(IN_WHEEL))]
    if main is not None:
        sys.modules["__main__"] = main
    try:
        yield
    finally:
        sys.argv, sys.path[:] = before[0], before[1]
        for name, module in before[2].items():
            if name == "__main__" or name.partition(".")[0] in OURS:
                sys.modules[name] = module


def code_of(run: Callable[[], object]) -> int:
    """Run something to its end, and that of its threads; return the exit code, and show what was raised."""
    code = 0
    try:
        run()
    except SystemExit as ended:
        ended.__traceback__ = without_ours(ended.__traceback__)  # a task that raised it shows it
        code = exit_code(ended)
    except BaseException as error:
        show_error(error)
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else RAISED
    try:
        for thread in threading.enumerate():  # Python waits for them before it ends
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
    except KeyboardInterrupt:
        code = INTERRUPTED
    return code


def exit_code(ended: SystemExit) -> int:
    """Return the exit code of `sys.exit(...)`; what is no number is printed, and the code is 1."""
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    print(ended.code, file=sys.stderr)
    return RAISED


def show_error(error: BaseException) -> None:
    """Show an error as Python does where nothing catches it: by the program's own hook, without our frames."""
    error.__traceback__ = without_ours(error.__traceback__)
    sys.excepthook(type(error), error, error.__traceback__)


def without_ours(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of the recorder."""
    entries = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    kept = None
    for each in reversed(entries):
        if not each.tb_frame.f_code.co_filename.startswith(RECORDER):
            kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return kept
