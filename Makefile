# `make demo` and `make test` each do all the set-up by themselves.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export DAGSTER_HOME := $(CURDIR)
export PROX_HOME ?= $(CURDIR)/.prox
PORT ?= 3000

# DuckDB's binding counts what is alive when Python exits and prints it; that is no news to anybody.
SHELL := /bin/bash
NO_LEAK_COUNT := 2> >(grep -v -E '^(nanobind: | - leaked | - \.\.\. skipped|See https://nanobind)' >&2 || true)

.PHONY: demo test test-all ui lint format clean

demo: $(INSTALLED)  ## materialize the whole graph on the embedded corpus
	$(BIN)/python -m prox_assets.demo $(NO_LEAK_COUNT)

test: $(INSTALLED)  ## the tests that take minutes
	$(BIN)/python -m pytest -m "not slow" $(NO_LEAK_COUNT)

test-all: $(INSTALLED)  ## all tests, the long ones too
	$(BIN)/python -m pytest $(NO_LEAK_COUNT)

ui: $(INSTALLED)  ## the Dagster UI on the instance that `make demo` filled
	$(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p $(PORT)

lint: $(INSTALLED)  ## style, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## forget what the demo made; the environment stays
	rm -rf .prox

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
