"""The program `lab`, also as `python -m lab`: see `lab.cli`.

An interrupt while it starts ends it as one that comes later: without a traceback.
"""

import sys

from services.runtime.interrupts import leave_at_interrupt

leave_at_interrupt()  # before the imports below, which take time

from lab.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
