"""The program `client`, as `python -m services.client`: see `services.client.cli`.

An interrupt while it starts ends it as one that comes later: without a traceback.
"""

import sys

from services.runtime.interrupts import leave_at_interrupt

leave_at_interrupt()  # before the imports below, which take time

from services.client.cli import main

if __name__ == "__main__":
    sys.exit(main())
