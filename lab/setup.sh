#!/bin/sh
# Makes .venv, or adds to it, from a file of locked requirements: `sh lab/setup.sh PYTHON lab|tests`. Called by make.
# uv does it where it is on PATH, pip elsewhere. Nothing is compiled ahead: the first start compiles what it imports.
set -eu
python=${1:-python3}
wanted=${2:-lab}
requirements=requirements/$wanted.txt
here=.venv/bin/python
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "setup: $python is missing or older than Python 3.11: install one, or make setup PYTHON=python3.13" >&2
    exit 2
fi
installer=pip
if command -v uv >/dev/null; then
    installer=uv
elif ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "setup: $python has no venv module: apt-get install python3-venv (or your system's package for it)" >&2
    exit 2
fi
echo "setup: installing $(grep -c '^[a-z].*==' "$requirements") packages into .venv with $installer (once, for $wanted)" >&2
if [ $installer = uv ]; then
    "$here" -c '' 2>/dev/null || uv venv --quiet --clear --python "$python" .venv
    install="uv pip install --quiet --python $here"
else
    "$here" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
    install="$here -m pip install --quiet --disable-pip-version-check --no-compile"
fi
$install --require-hashes --requirement "$requirements"
$install --no-deps --no-build-isolation --editable .
touch ".venv/.$wanted"
