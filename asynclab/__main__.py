"""The programs `asynclab` and `lab`; `python -P -m asynclab` is the first of them.

The lab's own packages are called `lab` and `services`. In a checkout they stand beside this package. In an installed
wheel they are in `_programs/`, which only our programs have on their path: other programs can have packages of these
names. `lab.asynclab_program` is to be read next.
"""

import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
IN_WHEEL = HERE / "_programs"


def main() -> int:
    """Run the command line `asynclab` and return its exit code."""
    return run("lab.asynclab_program")


def lab() -> int:
    """Run the command line `lab` and return its exit code."""
    return run("lab.__main__")


def run(program: str) -> int:
    """Call `main` of a module of the lab, with the lab's packages ahead of others of the same names."""
    sys.path.insert(0, str(IN_WHEEL if IN_WHEEL.is_dir() else HERE.parent))
    import_module("services.runtime.interrupts").leave_at_interrupt()  # before the imports that take time
    code: int = import_module(program).main()
    return code


if __name__ == "__main__":
    sys.exit(main())
