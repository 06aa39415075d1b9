# Everything runs from one virtual environment, made here with pip and the pins of constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Outsiders who want the CPU build of PyTorch: TORCH_INDEX=<the CPU wheel index that PyTorch documents> make demo
EXTRA := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
export OMP_NUM_THREADS := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: demo test test-all check bench bench-control bench-broaden clean

$(VENV)/.run: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q $(EXTRA) -c constraints.txt torch
	$(BIN)/pip install -q $(EXTRA) -c constraints.txt -e .
	touch $@

$(VENV)/.test: $(VENV)/.run
	$(BIN)/pip install -q $(EXTRA) -c constraints.txt -e ".[test]"
	touch $@

demo: $(VENV)/.run       ## the whole path on the embedded world: train, evaluate, report
	$(BIN)/isobath demo

check: $(VENV)/.test     ## style, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check              ## what CI runs
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow"

test-all: check          ## and the tests that take minutes
	$(BIN)/python -m pytest -n auto --dist loadfile

bench: $(VENV)/.test     ## the figures of docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-control: $(VENV)/.test   ## those on interventions: hours
	$(BIN)/python -m benchmarks --control

bench-broaden: $(VENV)/.test   ## those on broadening: hours
	$(BIN)/python -m benchmarks --broaden

clean:
	rm -rf $(VENV) out .isobath
