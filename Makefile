# Two commands on a fresh machine: `make demo` and `make test`. The others are for those who work on Trimtab.
#   make demo [REPO=DIR] [SEED=N]   the loop on a simulated project, or its first turn on your repository
#   make test                       what runs everywhere; each missing real part is named, with how to get it
#   make real                       installs the real parts (gh, act, actionlint, zizmor ...) and allows no skip
#   make check                      ruff, mypy --strict, import contracts, generated docs up to date
#   make lock                       resolve the dependencies anew

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check -q
PYTEST ?= -n auto --dist loadfile
SEED ?= 1
REPO ?=

.PHONY: demo test real check docs lock clean

$(VENV)/run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "trimtab needs Python 3.11 or newer: type  make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..." >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.lock
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.real/parts: requirements-real.lock tests/real/parts.sh tests/real/sdists.lock
	@bash tests/real/parts.sh .real
	@touch $@

demo: $(VENV)/run
	@$(BIN)/trimtab demo --seed $(SEED) $(if $(REPO),--repo-dir "$(REPO)")

test: $(VENV)/dev
	@$(BIN)/python -m pytest $(PYTEST)

real: $(VENV)/dev .real/parts
	@PATH="$(CURDIR)/.real/bin:$$PATH" TRIMTAB_NO_SKIP=1 $(BIN)/python -m pytest $(PYTEST)

check: $(VENV)/dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m trimtab.cli.docs --check

docs: $(VENV)/dev
	@$(BIN)/python -m trimtab.cli.docs

lock:
	@$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip -q install uv
	@lock() { .venv-lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate "$$@"; }; \
	lock --group build -o requirements.lock pyproject.toml; \
	lock -c requirements.lock --group dev -o requirements-dev.lock; \
	lock --group real -o requirements-real.lock
	@rm -rf .venv-lock

clean:
	rm -rf $(VENV) .real .venv-lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
