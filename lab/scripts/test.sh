#!/bin/sh
# `make test` and `make coverage`: `sh lab/scripts/test.sh [-m EXPRESSION] COMMAND...`, where COMMAND is a pytest. It runs
# twice: what can share the machine in three processes for two cores, since a test waits for half of its time, and what
# cannot (it compares times, or has containers) by itself. The second runs too where the first has failed; then the exit
# code is 1.
chosen=""
if [ "$1" = -m ]; then
    chosen=" and $2"
    shift 2
fi
failed=0
cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
PYTEST_XDIST_AUTO_NUM_WORKERS=${PYTEST_XDIST_AUTO_NUM_WORKERS:-$(((cores * 3 + 1) / 2))} \
    "$@" --numprocesses auto --maxprocesses 8 --dist worksteal -m "not (alone or docker)$chosen" || failed=1
"$@" -m "(alone or docker)$chosen" || failed=1
exit $failed
