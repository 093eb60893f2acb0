# What a developer runs. Needs Python 3.11 or newer, make and git; no virtual environment has to be active.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Without compiled files each start of Python takes twice as long, and the tests start it often.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
INSTALLED := .venv/.installed
BENCH := .venv-bench

# The first Python on the path that is new enough; `make install PYTHON=/path/to/python` chooses another.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach python,$(CANDIDATES), \
	$(shell $(python) -c '$(NEW_ENOUGH)' 2>/dev/null && echo $(python))))

LOCK := uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock'

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: install
install: $(INSTALLED) ## Install everything, at the locked versions, into .venv

$(INSTALLED): requirements-dev.lock pyproject.toml
	@if ! '$(PYTHON)' -c '$(NEW_ENOUGH)' 2>/dev/null; then \
		echo "Python 3.11 or newer is needed; found: $$($(or $(PYTHON),python3) --version 2>&1 || true)" >&2; \
		echo 'Install one, or name it: make install PYTHON=/path/to/python3.11' >&2; \
		exit 1; \
	fi
	@echo 'Installing the locked packages into .venv'
	@'$(PYTHON)' -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: demo
demo: $(INSTALLED) ## Run the whole job on embedded parts and show what it did
	@$(BIN)/stamped-sync demo

# More processes than cores use the time in which the others wait.
PYTEST := $(BIN)/python -m pytest --numprocesses 4 --dist worksteal

.PHONY: test
test: $(INSTALLED) ## Run all tests
	$(PYTEST)

.PHONY: test-fast
test-fast: $(INSTALLED) ## Run the unit and integration tests, in under a minute
	$(PYTEST) tests/unit tests/integration

.PHONY: prove
prove: $(INSTALLED) ## Prove reliability in half an hour: SEEDS=n worlds, or SEED=n (and WITHOUT=safety) to replay one
	@$(BIN)/python -m tests.simulation $(if $(SEEDS),--seeds '$(SEEDS)',--seconds 240) $(if $(SEED),--seed '$(SEED)') \
		$(if $(WITHOUT),--without '$(WITHOUT)')
	@$(if $(SEED),,$(BIN)/python -m tests.proofs)

.PHONY: bench
bench: $(BENCH)/.installed ## Measure this worker beside its peers: ARGS=--quick takes two minutes, ARGS=--help says more
	@PYTHONPATH=. $(BENCH)/bin/python -m tests.bench $(ARGS)

$(BENCH)/.installed: tests/bench/requirements.lock pyproject.toml
	@echo 'Installing what is compared into $(BENCH)'
	@'$(PYTHON)' -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: screenshots
screenshots: $(INSTALLED) ## Take the screenshots of the docs again (needs chromium and chromedriver)
	STAMPED_SYNC_SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest tests/acceptance/test_browser.py

.PHONY: check
check: $(INSTALLED) ## Check style, format, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(INSTALLED) ## Format the code, and correct what the linter can correct by itself
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

# The build lock is for the image: what builds the wheel, and is not in the final image.
.PHONY: lock
lock: ## Lock the newest allowed versions again (needs uv)
	@command -v uv >/dev/null || { echo 'make lock needs uv: python3 -m pip install uv' >&2; exit 1; }
	$(LOCK) --upgrade pyproject.toml -o requirements.lock
	$(LOCK) --upgrade pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(LOCK) --upgrade --group build -c requirements-dev.lock -o requirements-build.lock
	$(LOCK) --upgrade pyproject.toml tests/bench/requirements.in --group build --override tests/bench/overrides.in \
		-c requirements-dev.lock -o tests/bench/requirements.lock

.PHONY: clean
clean: ## Remove .venv and everything the tools left behind
	rm -rf .venv $(BENCH) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	find worker tasks tests -name __pycache__ -prune -exec rm -rf {} +
