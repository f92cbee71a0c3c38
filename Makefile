# The commands of a contributor. They need make and Python 3.11 or newer, and set up everything else once: pinned and
# hash-checked. An environment is up to date if its file `ready` is newer than its lock.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: attack kills histories stores store-soak evidence settings help serve test contract-long mutations coverage-table google-suite bench bench-quick peers lint format types imports check clients docs dist sbom pythons workflows kubernetes audit schema lock clean

# Python may keep what it compiles, whatever the machine's default: tests start hundreds of programs.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
LISTS := $(filter-out plugin,$(basename $(notdir $(wildcard requirements/clients/*.in))))
CLIENTS := $(filter-out peers,$(LISTS))
SOURCES := mockserver contract_tests scripts benchmarks

help: ## list the targets
	@echo "usage: make TARGET [ARGS=...]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'for instance: make serve ARGS="--port 9000"    make test ARGS="-k progress -x"    make test ARGS="-n 0 --pdb"'

serve: .venv/ready ## run the server on port 8765; the first time takes one to five minutes; ARGS are its options
	@$(BIN)/mockserver serve $(ARGS)

test: .venv/ready ## run the tests in one process per core; prints what was skipped and why
	@$(BIN)/python -m pytest -rs -n auto $(ARGS)

contract-long: .venv/ready ## run the tests with twenty times as many hypothesis examples (half an hour)
	@$(BIN)/python -m pytest -rs -n auto --hypothesis-profile long $(ARGS)

mutations: .venv/ready ## mutation tests: make mistakes in copies of the code, and check that tests fail
	@$(BIN)/python scripts/mutations.py $(ARGS)

attack: .venv/ready ## what somebody may send to stop the server, at length; ARGS name kinds, such as "long_texts"
	@$(BIN)/python -m contract_tests.attacks $(ARGS)

stores: .venv/ready ## run the tests of Google's API in process on SQLite and PostgreSQL, as `make test` does in memory
	@for store in sqlite postgresql; do \
		$(BIN)/python -m pytest -q -n auto contract_tests/api --target inprocess --store $$store $(ARGS) || exit; done

kills: .venv/ready ## kill a server 200 times while clients write, and count what was lost (ten minutes); ARGS=20 for fewer
	@$(BIN)/python -m contract_tests.use.kills $(ARGS)

histories: .venv/ready ## let clients work on two processes, kill one again and again, and check that it was as one server
	@$(BIN)/python -m contract_tests.use.histories $(ARGS)

store-soak: .venv/ready ## keep two workers on PostgreSQL at full load for ten minutes; ARGS=60 for fewer seconds
	@$(BIN)/python -m contract_tests.use.store_soak $(ARGS)

coverage-table: .venv/ready ## write docs/coverage.md: which parts of the API the tests exercise
	@$(BIN)/python -m pytest -q contract_tests/api --coverage-table $(ARGS)

google-suite: .venvs/google-suite/ready ## run Google's own tests of google-genai against the server; ARGS=--write writes the figures
	@.venvs/google-suite/bin/python -m contract_tests.google_suite $(ARGS)

bench: .venv/ready ## measure start and requests, relative to a minimal server; then databases, growth, blocking, the log, the fixture, gRPC
	@$(BIN)/python benchmarks/run.py
	@for name in store growth blocking log fixture grpc_port; do $(BIN)/python benchmarks/$$name.py || exit; done

bench-quick: .venv/ready ## start and requests with fewer rounds, in two minutes
	@$(BIN)/python benchmarks/run.py --quick

peers: .venvs/peers/ready clients/peers/node_modules/ready ## measure us beside aimock, FastAPI, moto, respx and responses
	@.venvs/peers/bin/python benchmarks/peers.py $(ARGS)

lint: .venv/ready ## ruff: rules and format
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)

format: .venv/ready ## let ruff fix what it can
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

types: .venv/ready ## mypy --strict, tests and scripts too
	@$(BIN)/mypy

imports: .venv/ready ## check which module may import which (pyproject.toml, [tool.importlinter])
	@$(BIN)/lint-imports --no-logo

check: lint types imports test ## lint, types, imports and tests: run it before a commit

clients: ## create the environments of client libraries that some tests use (.venvs/*, clients/*/node_modules)
	@$(MAKE) --no-print-directory --keep-going -j 4 clients/frameworks/node_modules/ready clients/node/node_modules/ready \
		$(CLIENTS:%=.venvs/%/ready) .venvs/docs/ready .venvs/release/ready

docs: .venvs/docs/ready ## build the documentation as a site, in build/docs; a warning is an error
	@NO_MKDOCS_2_WARNING=1 .venvs/docs/bin/python -m mkdocs build --quiet --strict $(ARGS)

dist: .venvs/release/ready ## build the wheel and the source distribution, in dist
	@.venvs/release/bin/python -m hatchling build --directory dist

pythons: .venv/ready dist ## install the wheel for each Python of this machine, and run a first program there
	@$(BIN)/python scripts/pythons.py

sbom: .venvs/release/ready ## write the bill of materials of what the server needs at run time (CycloneDX), in dist
	@mkdir -p dist
	@PYTHONWARNINGS=ignore .venvs/release/bin/cyclonedx-py requirements requirements/runtime.txt --pyproject pyproject.toml \
		--output-reproducible --output-file dist/gemini-tuning-mockserver.cdx.json

workflows: .venvs/release/ready ## check the workflows and the action with zizmor, with no network
	@.venvs/release/bin/zizmor --quiet --offline --no-progress .github action.yml

kubernetes: .venvs/release/ready ## check the example for Kubernetes against Kubernetes' schemas, with no network
	@.venvs/release/bin/kubernetes-validate --strict --quiet docs/examples/kubernetes.yaml

audit: .venvs/release/ready ## look for known vulnerabilities of what the server needs at run time
	@.venvs/release/bin/pip-audit --require-hashes --disable-pip --requirement requirements/runtime.txt

evidence: .venv/ready ## update evidence.json and docs/evidence.md; a new row needs a level, source and date
	@$(BIN)/python scripts/evidence.py --write

settings: .venv/ready ## generate the option tables, the keywords of MockServer and the picture of the rooms
	@$(BIN)/python scripts/settings.py --write
	@$(BIN)/python scripts/docs_pages.py

schema: .venvs/google/ready ## generate the tables of messages and methods from Google's packages
	@.venvs/google/bin/python scripts/generate_schema.py

lock: .venvs/lock/ready ## pin dependencies after a change; ARGS=--upgrade takes the newest versions
	@for name in lock build release; do $(COMPILE) requirements/$$name.in -o requirements/$$name.txt; done
	@$(COMPILE) pyproject.toml --extra grpc --extra run --extra metrics --extra otel --extra sql -o requirements/runtime.txt
	@for name in dev docs; do $(COMPILE) pyproject.toml requirements/$$name.in -o requirements/$$name.txt; done
	@for name in $(LISTS); do \
		$(COMPILE) pyproject.toml requirements/clients/$$name.in -o requirements/clients/$$name.txt; done

clean: ## remove every environment and cache
	rm -rf .venv .venvs clients/*/node_modules dist build
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +

# One lock serves all supported Python versions and platforms. Locks do not name a package index.
COMPILE = .venvs/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(ARGS)

.venv/ready: requirements/dev.txt pyproject.toml scripts/environment
	@scripts/environment .venv requirements/dev.txt .
	@touch $@

.venvs/lock/ready: requirements/lock.txt scripts/environment
	@scripts/environment .venvs/lock requirements/lock.txt
	@touch $@

# The others are installed by uv, from the environment that makes the locks.
UV = UV=.venvs/lock/bin/uv

.venvs/release/ready: requirements/release.txt scripts/environment | .venvs/lock/ready
	@$(UV) scripts/environment .venvs/release $<
	@touch $@

.venvs/docs/ready: requirements/docs.txt pyproject.toml scripts/environment | .venvs/lock/ready
	@$(UV) scripts/environment .venvs/docs $< .
	@touch $@

.venvs/%/ready: requirements/clients/%.txt pyproject.toml scripts/environment | .venvs/lock/ready
	@$(UV) scripts/environment .venvs/$* $< .
	@touch $@

clients/%/node_modules/ready: clients/%/package-lock.json
	@if command -v npm >/dev/null; then \
		cd clients/$* && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/ready; \
	else \
		echo "npm was not found: clients/$* is left out, and the tests that need it will say so."; fi
