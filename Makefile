# What a person does with Charybdis by hand. `make` alone lists it.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PORT ?= 8501
PROBE ?= 1
ARGS ?=
PATHS ?=
RUNGS ?=
WORKERS ?= auto

BIN := .venv/bin
RUNTIME := .venv/.requirements
LOCAL_MODELS := .venv/.requirements-probe
DEVELOPMENT := .venv/.requirements-dev
HARNESS := .venv-harness/.requirements
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help app import test check format ladder bench pictures lock wheel browser harness clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

app: $(RUNTIME) $(if $(filter-out 0,$(PROBE)),$(LOCAL_MODELS)) ## Start the dashboard at 127.0.0.1:8501 (PORT=...); the first start installs it and builds the store. PROBE=0 leaves out torch, which only local models need
	@$(BIN)/python cli.py app --port $(PORT)

import: $(RUNTIME) ## Import result files: make import PATHS="results/ more.jsonl"
	@$(BIN)/python cli.py import $(PATHS)

test: $(DEVELOPMENT) browser harness check ## Install what tests need and run all of them on all cores (ARGS="-k valley" narrows pytest, WORKERS=0 runs one after another)
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal $(ARGS)

check: $(DEVELOPMENT) ## Format, lint, types and walls between folders, without changing a file
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(DEVELOPMENT) ## Bring every file into the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ladder: $(LOCAL_MODELS) ## Train and evaluate our own small models, what is finished is kept (RUNGS="1k 5k" for some; hours on two cores for all)
	OMP_NUM_THREADS=1 $(BIN)/python -m probe.ladder.build $(RUNGS)

bench: $(DEVELOPMENT) ## Measure speed against peers, side by side (minutes)
	@set -e; for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python -m "$$(basename benchmarks)"."$$(basename $$benchmark .py)"; done

pictures: $(DEVELOPMENT) browser ## Take the README's pictures from the real app, light and dark
	$(BIN)/python -m docs.pictures

lock: $(DEVELOPMENT) ## Write requirements.txt and the lock files from pyproject.toml (asks the package index)
	@$(PIP) install uv==0.13.9
	$(BIN)/python -m docs.requirements

wheel: $(DEVELOPMENT) ## Build dist/charybdis-*.whl, which pip can install anywhere
	@$(BIN)/python -m hatchling build -t wheel

browser: # Chromium for browser tests and pictures: the one that is there, else Debian's where this may install it
	@command -v chromium chromium-browser google-chrome >/dev/null || test -n "$$CHARYBDIS_CHROMIUM" || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Chromium"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
		else false; fi; } || { \
		echo "No Chromium, and none can be installed here: browser tests are skipped." \
			"Install one, or name it in CHARYBDIS_CHROMIUM." >&2; test -z "$$CI"; }

harness: $(HARNESS) # lm-eval and Inspect in an environment of their own, which finds torch and the rest in .venv

$(HARNESS): requirements-harness.txt $(DEVELOPMENT)
	@echo "Installing the harnesses of the round-trip tests"
	@$(BIN)/python -m venv --clear .venv-harness
	@$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$(.venv-harness/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/charybdis.pth
	@.venv-harness/bin/python -m pip --disable-pip-version-check --quiet install --no-deps -r requirements-harness.txt
	@touch $@

clean: ## Remove what was installed and cached; the store stays
	rm -rf .venv .venv-harness .import_linter_cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Charybdis needs Python 3.11 or newer; none was found. Install one, or name it: make app PYTHON=..." >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv

$(RUNTIME): requirements.lock .venv/pyvenv.cfg
	@echo "Installing what requirements.lock pins (once; a minute or two)"
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

# torch comes without a hash: its build differs between machines (docs/decisions.md).
$(LOCAL_MODELS): requirements-probe.lock requirements.txt $(RUNTIME)
	@echo "Installing torch and transformers for local models (once; PROBE=0 leaves them out)"
	@$(PIP) install --require-hashes -r requirements-probe.lock
	@$(PIP) install "$$(grep '^torch==' requirements.txt)"
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(LOCAL_MODELS)
	@echo "Installing what requirements-dev.txt pins"
	@$(PIP) install -r requirements-dev.txt
	@touch $@
