"""The program `lab`, also as `python -m lab`: see `lab.cli`."""

import sys

from services.runtime.interrupts import leave_at_interrupt

leave_at_interrupt()  # first: it is about the imports below

from lab.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
