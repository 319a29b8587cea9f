# The verbs that people type. Each is one line that calls lab; what it needs is installed first, where it is not there.
# A variable that a person gives (make record URL=..., PYTHON=...) is text: make does not expand it, and recipes get it
# by their environment, never as part of a command that a shell reads.
$(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(eval override $(name) := $$(value $(name)))))
PYTHON ?= python3
export PYTHON URL
override COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help setup doctor up down ps logs demo wget pipeline record bench test coverage check clean lock page pictures

help:  ## show these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: .venv/.lab  ## make .venv with what the lab needs to run
ifneq ($(shell sh lab/scripts/venv_works.sh && echo yes),yes)
.PHONY: .venv/.lab
endif
.venv/.lab: requirements/lab.txt pyproject.toml
	@sh lab/scripts/setup.sh "$$PYTHON" lab
.venv/.tests: .venv/.lab requirements/tests.txt
	@sh lab/scripts/setup.sh "$$PYTHON" tests

doctor: setup  ## show what this machine can do
	@.venv/bin/lab doctor

up: setup  ## start the lab in containers, and return when it is healthy
	@.venv/bin/lab up

down: setup  ## take the lab down, and leave nothing behind
	@.venv/bin/lab down

ps: setup  ## show the lab's containers
	@.venv/bin/lab ps

logs: setup  ## show what the services logged
	@.venv/bin/lab logs

demo: setup  ## the tutorial's three programs, and the lab, in one process: no Docker
	@.venv/bin/lab embedded

wget: setup  ## the async wget, in its container
	@.venv/bin/lab run wget

pipeline: setup  ## the editions of the producer/consumer pipeline, in a container: what each costs, and what that buys
	@.venv/bin/lab run pipeline --edition all

record: setup  ## keep a site's response for the lab to play: make record URL=http://example.org/
	@.venv/bin/lab record -- "$$URL"

bench: setup  ## compare with peers, on this machine
	@.venv/bin/lab bench

test: .venv/.tests  ## all tests
	@sh lab/scripts/test.sh .venv/bin/pytest

coverage: .venv/.tests  ## the tests that need no containers or browser, and how much of the code they run
	@.venv/bin/coverage erase && sh lab/scripts/test.sh -m "not (docker or browser)" .venv/bin/coverage run -m pytest && .venv/bin/coverage combine --quiet && .venv/bin/coverage report

check: .venv/.tests  ## all linters
	@sh lab/scripts/check.sh

clean: down  ## take down the lab and remove what set-up and tools made
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build

lock: .venv/.tests  ## resolve the dependencies of pyproject.toml anew, all files alike
	@$(COMPILE) --upgrade --all-extras --group tests --output-file requirements/tests.txt pyproject.toml
	@$(COMPILE) --constraint requirements/tests.txt --extra control --extra jetstream --extra uvloop --group lab --output-file requirements/lab.txt pyproject.toml
	@for group in hello sites client watch broker; do $(COMPILE) --constraint requirements/tests.txt --group $$group --output-file requirements/$$group.txt || exit; done

page:  ## bundle what the page takes from npm, as lab/page/package-lock.json says: needs npm
	@sh lab/page/bundle.sh

pictures: .venv/.tests  ## make the pictures of docs/pictures anew: needs Chromium
	@.venv/bin/python -m tests.watch.browser.pictures
