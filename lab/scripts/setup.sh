#!/bin/sh
# Makes .venv, or adds to it, from a file of locked requirements: `sh lab/scripts/setup.sh PYTHON lab|tests`. Called by make.
# uv installs where it is on PATH; elsewhere the pip that PYTHON has, into a .venv without one; elsewhere a pip in .venv.
# Nothing is compiled ahead: the first start compiles what it imports. If two run at once, the second waits for the first.
# What root makes in a person's checkout belongs to that person.
set -eu
python=${1:-python3}
wanted=${2:-lab}
requirements=requirements/$wanted.txt
here=.venv/bin/python
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "setup: $python is missing or older than Python 3.11: install one, or make setup PYTHON=python3.13" >&2
    exit 2
fi
if [ -z "${LAB_SETUP_LOCKED:-}" ]; then
    # The lock is the checkout's directory itself, which the shell that runs this file then holds open.
    LAB_SETUP_LOCKED=1 exec "$python" -c '
import fcntl, os, sys
held = os.open(".", os.O_RDONLY)
try:
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("setup: another one is at work on .venv: waiting for it (^C gives up)", file=sys.stderr)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
    except KeyboardInterrupt:
        sys.exit(130)
os.set_inheritable(held, True)
os.execvp("sh", ["sh", *sys.argv[1:]])
' "$0" "$python" "$wanted"
fi
if [ -e ".venv/.$wanted" ] && [ -z "$(find "$requirements" pyproject.toml -newer ".venv/.$wanted")" ] && sh lab/scripts/venv_works.sh; then
    exit 0 # the one that was waited for has done it
fi
if command -v uv >/dev/null; then
    installer=uv
    is_usable() { "$here" -c ''; }
    make_venv() { uv venv --quiet --clear --python "$python" .venv; }
    install() { uv pip install --quiet --python "$here" "$@"; }
elif "$python" -c 'import venv, pip; assert [*map(int, pip.__version__.split(".")[:2])] >= [22, 3]' 2>/dev/null; then
    # From 22.3 on, a pip installs into any environment: .venv needs none, and to put one there takes seconds.
    installer=pip
    is_usable() { "$here" -c ''; }
    make_venv() { "$python" -m venv --clear --without-pip .venv; }
    install() { "$python" -m pip --python "$here" install --quiet --quiet --disable-pip-version-check --no-compile "$@"; }
elif "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    installer=pip
    is_usable() { "$here" -m pip --version; }
    make_venv() { "$python" -m venv --clear .venv; }
    install() { "$here" -m pip install --quiet --quiet --disable-pip-version-check --no-compile "$@"; }
else
    echo "setup: $python has no venv module: apt-get install python3-venv (or your system's package for it)" >&2
    exit 2
fi
echo "setup: installing $(grep -c '^[a-z].*==' "$requirements") packages into .venv with $installer (once, for $wanted)" >&2
# A .venv that was made elsewhere, or has lost its interpreter, is made anew.
sh lab/scripts/venv_works.sh && is_usable >/dev/null 2>&1 || make_venv
install --require-hashes --requirement "$requirements"
install --no-deps --no-build-isolation --editable .
touch ".venv/.$wanted"
if [ "$(id -u)" -eq 0 ]; then
    chown -Rh "$("$python" -c 'import os; its = os.stat("."); print(f"{its.st_uid}:{its.st_gid}")')" .venv
fi
