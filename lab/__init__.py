"""The lab's command line: what runs on the host, around the services. Start reading at `lab.cli`.

Where root runs it in another user's checkout, Python writes no compiled files there: that user could not remove them.
"""

import os
import sys
from pathlib import Path

UP_TIMEOUT_S = 300.0  # for the services of `lab up` to become healthy
ROOT = Path(__file__).parent.parent  # the checkout, or what an installed package has in its place
IS_CHECKOUT = (ROOT / "compose.yaml").is_file()
PROGRAM = ".venv/bin/lab" if IS_CHECKOUT else "lab"  # what a person types; in the checkout, `make setup` put it there


def leave_no_compiled_files(package: Path) -> None:
    """Stop this process and its children from writing any; the owner gets the one that is just written of this file."""
    owner = package.stat()
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    compiled = package / "__pycache__"
    for made in (compiled, *compiled.glob("__init__.*")):
        if made.exists():
            os.chown(made, owner.st_uid, owner.st_gid)


if os.geteuid() == 0 and Path(__file__).stat().st_uid != 0:
    leave_no_compiled_files(Path(__file__).parent)
