# Everything runs from .venv, which these targets make and keep up to date by themselves.
# Needed beforehand: Python 3.11 or newer, make, and a package registry that pip can reach.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
LOCKED := $(INSTALL) --require-hashes

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check format bench chaos soak mutations pictures requirements clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | expand -t 14
	@echo 'Pass options on with ARGS, as in: make test ARGS="-k consent"'

demo: $(VENV)/runtime.stamp ## Run a sample shop's weeks, then stay up (ARGS=--exit ends)
	$(BIN)/lagniappe demo $(ARGS)

test: $(VENV)/dev.stamp ## Run every test, long ones in their short form
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

soak: $(VENV)/dev.stamp ## Run the long tests with their full counts
	LAGNIAPPE_SOAK=1 $(BIN)/python -m pytest -n auto --dist worksteal -m soak $(ARGS)

check: $(VENV)/dev.stamp ## Check format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## Mend what format and lint can mend by themselves
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

mutations: $(VENV)/dev.stamp ## Make mistakes on purpose and show which test notices each
	$(BIN)/python -m tests.invariants.mutate $(ARGS)

bench: $(VENV)/dev.stamp ## Measure on SQLite and PostgreSQL
	$(BIN)/python -m benchmarks $(ARGS)

chaos: $(VENV)/dev.stamp ## Break everything while 20,000 messages go out; half an hour (ARGS=--quick)
	$(BIN)/python -m tests.chaos $(ARGS)

pictures: $(VENV)/dev.stamp ## Take the pictures in docs anew; needs Chromium on the path
	@$(LOCKED) --requirement requirements/pictures.txt
	$(BIN)/python -m tests.pictures $(ARGS)

# Keeps the locked versions where it can; ARGS=--upgrade takes the newest of everything.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--system-certs --no-config --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml

requirements: $(VENV)/dev.stamp ## Lock the dependencies of pyproject.toml again
	$(LOCK) $(ARGS) --output-file requirements/runtime.txt
	$(LOCK) $(ARGS) --output-file requirements/dev.txt --constraints requirements/runtime.txt \
		--group build --group dev
	$(LOCK_GROUP) $(ARGS) --output-file requirements/build.txt --constraints requirements/dev.txt \
		--group build
	$(LOCK_GROUP) $(ARGS) --output-file requirements/pictures.txt --constraints requirements/dev.txt \
		--group pictures
	$(LOCK_GROUP) $(ARGS) --output-file requirements/datasets.txt --no-deps --group datasets

LOCK_GROUP := $(filter-out pyproject.toml,$(LOCK))

clean: ## Remove the environment and every cache
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo '$(PYTHON) is older than 3.11: name a newer one, as in make PYTHON=python3.12'; exit 1; }
	@echo 'Setting up $(VENV), once'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/runtime.stamp: $(VENV)/python.stamp requirements/runtime.txt requirements/build.txt pyproject.toml
	@$(LOCKED) -r requirements/runtime.txt -r requirements/build.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/runtime.stamp requirements/dev.txt requirements/datasets.txt
	@$(LOCKED) -r requirements/dev.txt
	@$(LOCKED) --no-deps -r requirements/datasets.txt
	@touch $@
