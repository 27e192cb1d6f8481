# The same words for a person, CI and the README. `make demo` and `make test` set up all they need, on a fresh machine too.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Where all is installed already: make test-gpu GPU_PYTHON=python3
GPU_PYTHON ?= $(BIN)/python

.PHONY: demo check test bench figures notebooks docs test-gpu sanitize-gpu bench-gpu clean

demo: $(VENV)/.base
	$(BIN)/mi estimate examples/digits_first.npy examples/digits_last.npy

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/proselint check --config docs/proselint.json docs README.md CONTRIBUTING.md CHANGELOG.md
	$(BIN)/python -m sphinx --quiet --fail-on-warning docs site

test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

bench: $(VENV)/.bench
	$(BIN)/mi bench speed --profile quick --limit 6

figures: $(VENV)/.dev
	$(BIN)/mi bench report
	$(BIN)/python docs/draw_topologies.py
	$(BIN)/python docs/make_reproduction.py

notebooks: $(VENV)/.dev
	$(BIN)/ruff format docs/notebooks
	$(BIN)/python docs/run_notebooks.py docs/notebooks/*.ipynb

docs: $(VENV)/.dev
	$(BIN)/python docs/make_cli_reference.py
	$(BIN)/python docs/make_notes.py
	$(BIN)/python -m sphinx --quiet --fail-on-warning docs site

test-gpu:
	$(GPU_PYTHON) -m pytest -m gpu tests/test_cuda_kernels.py

sanitize-gpu:
	compute-sanitizer --tool memcheck --report-api-errors no --error-exitcode 1 $(GPU_PYTHON) -m pytest -x -m gpu tests/test_cuda_kernels.py -k "oracle and float32"
	compute-sanitizer --tool racecheck --error-exitcode 1 $(GPU_PYTHON) -m pytest -x -m gpu tests/test_cuda_kernels.py -k "(oracle and 5+5) or (many_blocks and 257)"

bench-gpu:
	$(GPU_PYTHON) -m mi_core.command bench gpu

clean:
	rm -rf $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	touch $@

$(VENV)/.bench: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[bench]'
	touch $@ $(VENV)/.base

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/.base
