# Everything a contributor does, one target each; `make` alone lists them.
#
# The virtual environment is made on first use from the hashed lock files.  A stamp file per set of
# packages remembers what is installed, so a second `make serve` or `make test` goes straight to work.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
LOCKED := $(PIP) install --no-deps --require-hashes
SDKS := build/sdks/venv
SBOM := build/sbom/venv
SITE := build/docs
PEERS := build/bench/venv
BASE := build/compose/base.tar

# Extra words for pytest: make test ARGS='tests/domain -k allocator'
ARGS ?=
# Benchmarks, or how their names begin; all without: make bench NAME='http dns' ARGS='--services 1000'
NAME ?=
QUICK := not slow and not faults and not kernel and not compose and not sdks
WORKERS ?= 3
SECONDS ?= 180
# A module's tests run on one worker, as they share what they start.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder
# Tests start the program a hundred times, which would be compiled each time.
unexport PYTHONDONTWRITEBYTECODE

ATHERIS_VERSION := 3.0.0
UV_VERSION := 0.13.9
CYCLONEDX_VERSION := 7.5.0
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-package waypost-client \
	--custom-compile-command 'make lock'

.PHONY: help
help: ## List these targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve
serve: $(RUNTIME) ## Set up on first use, then run the API and cluster DNS
	@exec $(BIN)/waypost serve

.PHONY: demo
demo: $(RUNTIME) ## Show names, addresses and rules on a running server
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh

.PHONY: test
test: $(DEV) ## Set up on first use, then run the tests
	@$(PYTEST) -m "$(QUICK)" $(ARGS)

.PHONY: test-kernel
test-kernel: $(DEV) ## Load rules into a kernel that is booted for it, and send connections through them
	@$(PYTEST) -m kernel $(ARGS)

.PHONY: test-compose
test-compose: $(DEV) $(BASE) ## Build the images and run the compose files on a Docker engine of their own (as root)
	@$(BIN)/python -m pytest -m compose tests/compose $(ARGS)

.PHONY: test-sdks
test-sdks: $(DEV) $(SDKS)/.installed ## Generate clients from openapi.json and run them against a server
	@$(PYTEST) --dist worksteal -m sdks tests/sdks $(ARGS)

.PHONY: test-slow
test-slow: $(DEV) ## Run what takes longer: faults, the wheel, random questions
	@$(PYTEST) -m "slow or faults" $(ARGS)

.PHONY: fuzz
fuzz: $(DEV) ## Fuzz what comes off the network for SECONDS=180, guided by coverage
	@$(PIP) install atheris==$(ATHERIS_VERSION)
	@$(BIN)/python tests/dns/fuzz.py -max_total_time=$(SECONDS)

.PHONY: check
check: $(DEV) ## Everything a change must pass: format, lint, types, imports, tests with coverage
	@$(BIN)/ruff format --check .
	@$(MAKE) lint types imports
	@$(PYTEST) --cov --cov-report= --cov-fail-under=0 -m "$(QUICK)" $(ARGS)
	@$(BIN)/coverage report
	@$(BIN)/coverage report --include='app/domain/*' --fail-under=100

.PHONY: format
format: $(DEV) ## Rewrite the source in its one format
	@$(BIN)/ruff check --select I --fix .
	@$(BIN)/ruff format .

.PHONY: lint
lint: $(DEV) ## Look for mistakes that have a name
	@$(BIN)/ruff check .

.PHONY: types
types: $(DEV) ## Check every type, strictly
	@$(BIN)/pyright

.PHONY: imports
imports: $(DEV) ## Check that each folder imports only what its layer may
	@$(BIN)/lint-imports

.PHONY: openapi
openapi: $(DEV) ## Write openapi.json anew, and what the client has of it
	@$(BIN)/waypost openapi > $(VENV)/openapi.json
	@mv $(VENV)/openapi.json openapi.json
	@$(BIN)/python -m waypost.generate

.PHONY: reference
reference: $(DEV) ## Write docs/reference anew from the code
	@$(BIN)/python -m tests.reference.pages

.PHONY: docs
docs: $(DEV) $(SITE)/venv/.installed ## Make a site of the documentation: build/docs/html/index.html
	@$(BIN)/python -m tests.reference.site $(SITE)/pages
	@cp docs/site/properdocs.yml $(SITE)/
	@cd $(SITE) && venv/bin/properdocs build --quiet --strict -f properdocs.yml
	@echo "The site is in $(SITE)/html: open index.html."

$(SITE)/venv/.installed: docs/site/requirements.lock | $(BIN)/python
	@echo "Installing the generator of the site into $(SITE)/venv ..."
	@$(BIN)/python -m venv --clear $(SITE)/venv
	@$(SITE)/venv/bin/python -m pip --disable-pip-version-check -qq install --no-deps --require-hashes -r $<
	@touch $@

.PHONY: lint-openapi
lint-openapi: $(DEV) ## Lint openapi.json as tools for APIs do: Spectral and Redocly
	@bash tests/openapi/lint.sh $(BIN)/python

.PHONY: bench
bench: $(DEV) $(PEERS)/.installed ## Measure beside peers, for bench/RESULTS.md: make bench NAME=http
	@$(BIN)/python -m bench $(NAME) $(ARGS)

.PHONY: lock
lock: $(BIN)/python ## Resolve the dependencies anew: make lock ARGS=--upgrade
	@$(PIP) install uv==$(UV_VERSION)
	@$(COMPILE) pyproject.toml --group dev -o requirements-dev.lock $(ARGS)
	@$(COMPILE) pyproject.toml -c requirements-dev.lock -o requirements.lock $(ARGS)
	@$(COMPILE) --group build -c requirements-dev.lock -o requirements-build.lock $(ARGS)
	@$(COMPILE) tests/sdks/requirements.in -o tests/sdks/requirements.lock $(ARGS)
	@$(COMPILE) bench/requirements.in -o bench/requirements.lock $(ARGS)
	@$(COMPILE) docs/site/requirements.in -o docs/site/requirements.lock $(ARGS)

# The bill of materials is of the runtime lock: exactly what the image installs.
.PHONY: dist
dist: $(DEV) $(SBOM)/.installed ## Build what is released into dist/: both wheels and sources, SBOM, checksums, image
	@rm -rf dist && mkdir dist
	@for project in . waypost; do $(BIN)/python -m build --quiet --no-isolation --outdir dist $$project; done
	@PYTHONWARNINGS=ignore $(SBOM)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
		--of JSON --output-reproducible --output-file dist/waypost.cdx.json
	@cp CHANGELOG.md openapi.json dist/
	@cd dist && sha256sum -- * > SHA256SUMS
	@ls -1sh dist
	@version=$$($(BIN)/waypost --version | cut -d' ' -f2); \
	if docker info >/dev/null 2>&1; then \
		docker build --quiet --tag "waypost:$$version" . && echo "image waypost:$$version"; \
	else echo "no Docker engine answers: the image waypost:$$version is not built"; fi

$(SBOM)/.installed: Makefile | $(BIN)/python
	@$(BIN)/python -m venv --clear $(SBOM)
	@$(SBOM)/bin/python -m pip --disable-pip-version-check -qq install cyclonedx-bom==$(CYCLONEDX_VERSION)
	@touch $@

.PHONY: clean
clean: ## Remove the environment and everything derived (not the data in .waypost/)
	@users=$$(grep -lsF "$(CURDIR)/$(VENV)/" /proc/[0-9]*/maps | cut -d/ -f3 | paste -sd' ' || true); \
	if [ -n "$$users" ]; then \
		echo "error: stop what runs from $(VENV) first: process $$users" >&2; exit 1; \
	fi
	@rm -rf $(VENV) dist build waypost/dist .coverage .coverage.* htmlcov .hypothesis
	@rm -rf .pytest_cache .ruff_cache .import_linter_cache
	@find app tests waypost -name __pycache__ -type d -prune -exec rm -rf {} +

# The first interpreter of a supported version that can make a virtual environment.
$(BIN)/python:
	@for python in python3 python3.13 python3.12 python3.11; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
			2>/dev/null; then exec $$python -m venv --clear $(VENV); fi; \
	done; \
	echo "Waypost needs Python 3.11, 3.12 or 3.13 with its venv module (Debian: python3-venv)." >&2; exit 1

# The project goes in last, editable and without its dependencies, which the locks have brought; the
# client is a project of its own.
$(RUNTIME): requirements.lock requirements-build.lock pyproject.toml waypost/pyproject.toml | $(BIN)/python
	@echo "Installing Waypost and what it needs to run into $(VENV) ..."
	@$(LOCKED) -r requirements.lock -r requirements-build.lock
	@$(PIP) install --no-deps --no-build-isolation --editable waypost --editable .
	@touch $@

# The development lock holds the runtime one, at the same versions: one installation serves both.
$(DEV): requirements-dev.lock requirements-build.lock requirements.lock pyproject.toml waypost/pyproject.toml | $(BIN)/python
	@echo "Installing Waypost, what it needs to run and what tests it into $(VENV) ..."
	@$(LOCKED) -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable waypost --editable .
	@touch $(RUNTIME) $@

# What images are built of where there is no registry of images.  It is made by root, and where it
# cannot be, tests of the images are skipped.
$(BASE): tests/compose/base.sh Dockerfile requirements.lock requirements-build.lock | $(BIN)/python
	@echo "Making a root file system for the images, which takes a minute or two ..."
	@bash tests/compose/base.sh $@ $(BIN)/python || echo "It is not to be had here." >&2

# What benchmarks set beside Waypost, apart from the project's own.  Where there is no wheel of it,
# they say so and run without.
$(PEERS)/.installed: bench/requirements.lock | $(BIN)/python
	@echo "Installing the peers of the benchmarks into $(PEERS) ..."
	@$(BIN)/python -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check -qq install --no-deps --require-hashes -r $< || \
		echo "They are not to be had here; benchmarks run without them." >&2
	@touch $@

# The generators that are Python packages, and what their clients need, apart from the project's own.
$(SDKS)/.installed: tests/sdks/requirements.lock | $(BIN)/python
	@echo "Installing the generators of clients into $(SDKS) ..."
	@$(BIN)/python -m venv --clear $(SDKS)
	@$(SDKS)/bin/python -m pip --disable-pip-version-check -qq install --no-deps --require-hashes -r $<
	@touch $@
