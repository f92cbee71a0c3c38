# What a contributor runs. It needs make and Python 3.11 or newer, and sets up everything else itself: pinned, hash-checked,
# once. Each environment has a file `ready`, newer than its lock when there is nothing to do.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: attack evidence settings help serve test contract-long mutations coverage-table bench lint format types imports check clients schema lock clean

BIN := .venv/bin
CLIENTS := $(filter-out plugin,$(basename $(notdir $(wildcard requirements/clients/*.in))))
SOURCES := mockserver contract_tests scripts benchmarks

help: ## say what there is
	@echo "usage: make TARGET [ARGS=...]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'for instance: make serve ARGS="--port 9000"    make test ARGS="-k progress -x"    make test ARGS="-n 0 --pdb"'

serve: .venv/ready ## start the server on port 8765; ARGS are its options
	@$(BIN)/mockserver serve $(ARGS)

test: .venv/ready ## run the suite, a process a core; says what was skipped and why
	@$(BIN)/python -m pytest -rs -n auto $(ARGS)

contract-long: .venv/ready ## the same, with twenty times the examples of hypothesis: half an hour
	@$(BIN)/python -m pytest -rs -n auto --hypothesis-profile long $(ARGS)

mutations: .venv/ready ## make mistakes on purpose, in copies, and see that the tests notice each
	@$(BIN)/python scripts/mutations.py $(ARGS)

attack: .venv/ready ## what somebody may send to stop the server, at length; ARGS name kinds, such as "long_texts"
	@$(BIN)/python -m contract_tests.attacks $(ARGS)

coverage-table: .venv/ready ## write docs/coverage.md anew: what of the API the tests touch
	@$(BIN)/python -m pytest -q contract_tests/api --coverage-table $(ARGS)

bench: .venv/ready ## what a start and a request cost, as multiples of the least there is; ARGS are the rounds
	@for name in in_process start live; do $(BIN)/python benchmarks/$$name.py $(ARGS) || exit; done

lint: .venv/ready ## ruff: rules and format
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)

format: .venv/ready ## let ruff mend what it can
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

types: .venv/ready ## mypy --strict, tests and scripts too
	@$(BIN)/mypy

imports: .venv/ready ## which module may import which (pyproject.toml, [tool.importlinter])
	@$(BIN)/lint-imports --no-logo

check: lint types imports test ## all of the above: what to run before a commit

clients: ## environments of the real client libraries (.venvs/*, clients/node) that some tests drive
	@$(MAKE) --no-print-directory --keep-going -j 4 $(CLIENTS:%=.venvs/%/ready) clients/node/node_modules/ready

evidence: .venv/ready ## bring evidence.json and its page up to the code; a new row waits for a person's rating
	@$(BIN)/python scripts/evidence.py --write

settings: .venv/ready ## write the tables of options and the keywords of MockServer anew, from mockserver/settings.py
	@$(BIN)/python scripts/settings.py --write

schema: .venvs/google/ready ## write the tables of messages and methods anew, out of Google's packages
	@.venvs/google/bin/python scripts/generate_schema.py

lock: .venvs/lock/ready ## pin dependencies anew after a change; ARGS=--upgrade takes the newest of everything
	@for name in lock build; do $(COMPILE) requirements/$$name.in -o requirements/$$name.txt; done
	@$(COMPILE) pyproject.toml -o requirements/runtime.txt
	@$(COMPILE) pyproject.toml requirements/dev.in -o requirements/dev.txt
	@for name in $(CLIENTS); do \
		$(COMPILE) pyproject.toml requirements/clients/$$name.in -o requirements/clients/$$name.txt; done

clean: ## remove every environment and cache
	rm -rf .venv .venvs clients/node/node_modules dist build
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +

# One lock serves every Python we support and every platform; no lock says where packages come from.
COMPILE = .venvs/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(ARGS)

.venv/ready: requirements/dev.txt pyproject.toml scripts/environment
	@scripts/environment .venv requirements/dev.txt .
	@touch $@

.venvs/lock/ready: requirements/lock.txt scripts/environment
	@scripts/environment .venvs/lock requirements/lock.txt
	@touch $@

.venvs/%/ready: requirements/clients/%.txt pyproject.toml scripts/environment
	@scripts/environment .venvs/$* $< .
	@touch $@

clients/node/node_modules/ready: clients/node/package-lock.json
	@if command -v npm >/dev/null; then \
		cd clients/node && npm ci --ignore-scripts --loglevel=error && touch node_modules/ready; \
	else \
		echo "npm was not found: clients/node is left out, and the tests that need it will say so."; fi
