"""`python -m services.client`: see `services.client.cli`."""

import sys

import services.runtime.early  # noqa: F401 - first: it is about the imports below
from services.client.cli import main

if __name__ == "__main__":
    sys.exit(main())
