#!/bin/sh
# `make test` and `make coverage`: `sh lab/scripts/test.sh [-m EXPRESSION] COMMAND...`, where COMMAND is a pytest. It runs
# twice: what can share the machine in as many processes as there are cores, and what cannot (it compares times, or has
# containers) by itself. The second runs too where the first has failed; then the exit code is 1.
chosen=""
if [ "$1" = -m ]; then
    chosen=" and $2"
    shift 2
fi
failed=0
"$@" --numprocesses auto --maxprocesses 8 --dist worksteal -m "not (alone or docker)$chosen" || failed=1
"$@" -m "(alone or docker)$chosen" || failed=1
exit $failed
