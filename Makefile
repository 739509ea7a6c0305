# On a machine with Python 3.10 or later and make, `make demo` and `make test` are all it takes.
# Everything is installed into .venv, once; constraints.txt pins the versions.

PYTHON  ?= python3
JOBS    ?= auto# processes that share the tests
VENV    := .venv
BIN     := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --quiet install --constraint constraints.txt
PYTEST  := $(BIN)/pytest -n $(JOBS) --dist loadfile

# Libraries that pin what we pin otherwise: NEEDS_name is what pip installs into .venv-name, without
# our constraints; the tests are tests/interop/test_name_*.py.  One line a library.
NEEDS_ray := --editable ".[ray]"
NEEDS_rllib := torch==2.13.0 --editable ".[plot,ray]"
NEEDS_skrl := torch==2.13.0 skrl --editable .
NEEDS_agilerl := torch==2.13.0 agilerl peft --editable .
NEEDS_benchmarl := torch==2.13.0 benchmarl --editable ".[plot]"
NEEDS_pettingzoo := torch==2.13.0 "pettingzoo[butterfly]" mpe2 --editable ".[sb3,torchrl]"
INTEROP := $(patsubst NEEDS_%,%,$(filter NEEDS_%,$(.VARIABLES)))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PRECIOUS: .venv-%/.made
.NOTPARALLEL:
.PHONY: help demo setup test slow interop lint style types docs bench clean

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

interop: $(INTEROP:%=interop-%) ## Run the tests with libraries that need environments of their own

interop-%: .venv-%/.made
	.venv-$*/bin/python -m pytest tests/interop/test_$*_*.py

lint: style types ## Check style, format and types

style: $(VENV)/.dev ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types
	$(BIN)/pyright

docs: $(VENV)/.dev ## Build the pages into site/, without a network; a warning fails
	NO_MKDOCS_2_WARNING=1 OMP_NUM_THREADS=1 $(BIN)/mkdocs build --quiet --strict

bench: $(VENV)/.dev ## Measure speed, in ns per player-step
	$(BIN)/mfg-envs bench

clean: ## Remove .venv, caches and build outputs; results stay
	rm -rf $(VENV) .venv-* build dist site *.egg-info .pytest_cache .ruff_cache .hypothesis
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

.venv-%/.made: pyproject.toml | $(VENV)/.made
	@echo "Installing what the tests with $* need into .venv-$* ..."
	@test -x .venv-$*/bin/pip || "$(PYTHON)" -m venv .venv-$*
	@.venv-$*/bin/python -m pip --quiet install --upgrade pip
	@.venv-$*/bin/python -m pip --quiet install $(NEEDS_$*) pytest pytest-timeout hypothesis
	@touch $@

# torch goes first and alone: a package that only asks for "torch" must find the pinned one in place.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing torch (the largest download, once) ..."
	@$(INSTALL) torch
	@echo "Installing mfg-envs and everything its tests need (a minute or two) ..."
	@$(INSTALL) --editable ".[dev]"
	@touch $(VENV)/.demo $@
