# `make` alone tells what there is. Every target sets up what it needs.

PYTHON ?= python3
VENV := .venv
NODE_MODULES := tests/javascript/node_modules/.package-lock.json
SHELL := /bin/bash
LOCK := --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help run test lint bench docs lock clean

help: ## Show this help
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: $(VENV)/run-ready ## Start the server with its demo
	@$(VENV)/bin/python demo/run.py

test: $(VENV)/test-ready $(NODE_MODULES) lint ## Pass all tests, the browser ones too
	@$(VENV)/bin/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/test-ready ## Check style, types and import direction
	@$(VENV)/bin/ruff format --check --quiet
	@$(VENV)/bin/ruff check --quiet
	@$(VENV)/bin/mypy
	@said=$$($(VENV)/bin/lint-imports) || { echo "$$said"; exit 1; }

bench: $(VENV)/test-ready ## Measure fan-out and HTTP API, in JSON (15 minutes; see bench/)
	@$(VENV)/bin/python -m bench.fanout
	@$(VENV)/bin/python -m bench.api

docs: $(VENV)/test-ready $(NODE_MODULES) ## Write the documents that come from code and tests
	@$(VENV)/bin/python -m scripts.document_settings
	@$(VENV)/bin/python -m scripts.document_metrics
	@$(VENV)/bin/python -m scripts.document_scaling --write
	@$(VENV)/bin/python -m pytest --quiet --write-compatibility

lock: ## Write the lock files anew, with the newest versions (needs uv)
	uv pip compile pyproject.toml --group build $(LOCK) -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev $(LOCK) -o requirements-dev.lock

clean: ## Remove what the targets made, but not the data
	rm -rf $(VENV) tests/javascript/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf bench/fanout/.venv bench/fanout/node_modules bench/fanout/peers/apns2/dist

$(VENV)/run-ready: requirements.lock pyproject.toml scripts/set-up
	@PYTHON=$(PYTHON) scripts/set-up requirements.lock
	@touch $@

$(VENV)/test-ready: requirements-dev.lock pyproject.toml scripts/set-up
	@PYTHON=$(PYTHON) scripts/set-up requirements-dev.lock firefox postgresql faketime
	@touch $@ $(VENV)/run-ready

$(NODE_MODULES): tests/javascript/package-lock.json | $(VENV)/test-ready
	@echo "Installing JavaScript packages …"
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" npm ci --prefix tests/javascript --silent --no-audit --no-fund
	@touch $@
