#!/bin/sh
# `make check`: every rule that a tool can enforce. Each tool runs, also where one before it has found something; then
# the exit code is 1. A line says how each ended, and what it printed follows where it found something.
PATH=$PWD/.venv/bin:$PATH
failed=0

check() {
    if output=$("$@" 2>&1); then
        echo "ok    $*"
    else
        printf 'FAIL  %s\n%s\n' "$*" "$output"
        failed=1
    fi
}

check_by_docker() { # The first argument is what Docker's client has to know for it; clients without plugins do not.
    if docker $1 >/dev/null 2>&1; then
        shift
        check docker "$@"
    else
        shift
        echo "skip  docker $*: this machine's Docker client cannot"
        [ -z "${CI:-}" ] || failed=1
    fi
}

check ruff format --check --quiet
check ruff check --quiet
check mypy --no-error-summary
check lint-imports --no-cache
check hadolint services/Dockerfile
check_by_docker "compose version" compose config --quiet
check_by_docker "stack config --help" stack config --compose-file compose.yaml
exit $failed
