"""`python -m services.client`: see `services.client.cli`."""

import sys

from services.runtime.interrupts import leave_at_interrupt

leave_at_interrupt()  # first: it is about the imports below

from services.client.cli import main

if __name__ == "__main__":
    sys.exit(main())
