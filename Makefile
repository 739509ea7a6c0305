# On a machine with Python 3.10 or later and make, `make demo` and `make test` are all it takes.
# Everything is installed into .venv, once; constraints.txt pins the versions.

PYTHON  ?= python3
JOBS    ?= auto# processes that share the tests
VENV    := .venv
BIN     := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --quiet install --constraint constraints.txt
PYTEST  := $(BIN)/pytest -n $(JOBS) --dist loadfile

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo setup test slow lint style types bench clean

help: ## Show this list
	@echo "usage: make TARGET [PYTHON=$(PYTHON)] [JOBS=$(JOBS)]"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## Reproduce the ring-road result into results/ring_road
	$(BIN)/mfg-envs reproduce ring-road --out results/ring_road

setup: $(VENV)/.dev ## Install everything that tests and development need into .venv

test: $(VENV)/.dev ## Run the tests, except those marked slow
	$(PYTEST) -m "not slow"

slow: $(VENV)/.dev ## Run the slow tests: reproductions of published results
	$(PYTEST) -m slow

lint: style types ## Check style, format and types

style: $(VENV)/.dev ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types
	$(BIN)/pyright

bench: $(VENV)/.dev ## Measure speed, in ns per player-step
	$(BIN)/mfg-envs bench

clean: ## Remove .venv, caches and build outputs; results stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "$(PYTHON) is not on this machine; name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$(PYTHON) is $$("$(PYTHON)" --version 2>&1), 3.10 or later is needed;" \
	    "name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: its ensurepip module is missing." >&2; \
	  echo "On Debian and Ubuntu: apt install python3-venv.  Or: make PYTHON=python3.12 ..." >&2; \
	  exit 1; }
	@echo "Making $(VENV) with $$("$(PYTHON)" --version) ..."
	@test -x $(BIN)/pip || "$(PYTHON)" -m venv $(VENV)
	@$(INSTALL) --upgrade pip
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing mfg-envs and what draws its pictures (about a minute) ..."
	@$(INSTALL) --editable ".[plot]"
	@touch $@

# torch goes first and alone: a package that only asks for "torch" must find the pinned one in place.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing torch (the largest download, once) ..."
	@$(INSTALL) torch
	@echo "Installing mfg-envs and everything its tests need (a minute or two) ..."
	@$(INSTALL) --editable ".[dev]"
	@touch $(VENV)/.demo $@
