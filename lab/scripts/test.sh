#!/bin/sh
# `make test` and `make coverage`: `sh lab/scripts/test.sh [-m EXPRESSION] COMMAND...`, where COMMAND is a pytest. It runs
# twice: what can share the machine in three processes for two cores, since a test waits for half of its time, and what
# cannot (it compares times, or has containers) by itself. The second runs too where the first has failed; then the exit
# code is not 0. With FLAKY_TESTS=N, up to N tests that failed run once more, by themselves: what passes then is called
# flaky in the last line, and the exit code is 0.
chosen=""
if [ "$1" = -m ]; then
    chosen=" and $2"
    shift 2
fi
failed=0
cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
PYTEST_XDIST_AUTO_NUM_WORKERS=${PYTEST_XDIST_AUTO_NUM_WORKERS:-$(((cores * 3 + 1) / 2))} \
    "$@" --numprocesses auto --maxprocesses 8 --dist worksteal -m "not (alone or docker)$chosen" || failed=$?
"$@" -m "(alone or docker)$chosen" || failed=$((failed > $? ? failed : $?))
[ $failed = 1 ] && [ "${FLAKY_TESTS:-0}" -gt 0 ] || exit $failed # other codes say more than that tests failed

count=$(grep -c ": true" .pytest_cache/v/cache/lastfailed)
[ "$count" -le "$FLAKY_TESTS" ] && "$@" --last-failed --last-failed-no-failures none || exit 1
echo "FLAKY: $count failed, and passed by themselves: each is a bug, see above"
