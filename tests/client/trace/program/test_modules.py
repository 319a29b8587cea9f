"""`client trace -m`: a module runs as by `python -m`."""

from pathlib import Path

import pytest

from tests.client.trace.program.written import TRACED, WORK
from tests.client.trace.tracing import run_python, run_traced, trace_in

pytestmark = pytest.mark.usefixtures("unmeasured")


def test_a_module_is_run_as_by_dash_m(tmp_path: Path) -> None:
    """With its package, its arguments, and imports from the working directory; `services` is the person's own."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "__init__.py").write_text("ours = 'mine'\n")
    (tmp_path / "services" / "__main__.py").write_text(
        "import asyncio, sys\nfrom . import ours\nasyncio.run(asyncio.sleep(0))\n"
        "print(ours, __name__, __package__, sys.argv[1:])\n"
    )
    words = ["services", "--trace", "-m"]
    plain = run_python(["-m", *words], cwd=tmp_path)
    traced = run_python(["-P", "-m", "asynclab", "trace", "-m", *words], cwd=tmp_path)
    assert (traced.stdout, traced.returncode) == (plain.stdout, 0), traced.stderr
    assert plain.stdout == "mine __main__ services ['--trace', '-m']\n"
    assert [task.name for task in trace_in(tmp_path).tasks] == ["sleep"]


MODULES = {
    "it raises": ("from . import ours\nasyncio.run(work())\nraise ValueError(ours)", ["package.module"]),
    "its package raises": ("print('not here')", ["package.broken.module"]),
    "it is not there": ("print('not here')", ["package.nothing"]),
    "it is pickled": (
        (
            "import pickle\nclass Kept:\n    pass\nprint(type(pickle.loads(pickle.dumps(Kept()))).__module__)\n"
            "print(sys.modules['__main__'].Kept is Kept, __spec__.name, sys.argv)\nasyncio.run(work())"
        ),
        ["package.module", "--one"],
    ),
}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_a_package_is_run_as_by_dash_m(module: str, tmp_path: Path) -> None:
    """Tracebacks too, and a package is imported once."""
    text, words = MODULES[module]
    (tmp_path / "package" / "broken").mkdir(parents=True)
    (tmp_path / "package" / "__init__.py").write_text("ours = 'mine'\nprint('imported')\n")
    (tmp_path / "package" / "broken" / "__init__.py").write_text("raise RuntimeError('no')\n")
    (tmp_path / "package" / "module.py").write_text(f"{WORK}{text}\n")
    plain = run_python(["-m", *words], cwd=tmp_path)
    traced = run_traced(["-m", *words], cwd=tmp_path)
    assert traced.stdout == plain.stdout
    assert TRACED.sub("", traced.stderr) == plain.stderr
    assert traced.returncode == plain.returncode
