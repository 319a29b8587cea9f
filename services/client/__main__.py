"""`python -m services.client`: see `services.client.cli`."""

import sys

from services.client.cli import main

if __name__ == "__main__":
    sys.exit(main())
