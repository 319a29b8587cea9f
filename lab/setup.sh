#!/bin/sh
# Makes .venv with the locked packages of the host: `sh lab/setup.sh [PYTHON]`. Called by `make setup`.
set -eu
python=${1:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "setup: $python is missing or older than Python 3.11: install one, or make setup PYTHON=python3.13" >&2
    exit 2
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "setup: $python has no venv module: apt-get install python3-venv (or your system's package for it)" >&2
    exit 2
fi
echo "setup: making .venv (half a minute, once)" >&2
"$python" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/host.txt
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
.venv/bin/python -m compileall -q services lab # the first start is as quick as the others
touch .venv/.ready
