# Each target sets itself up in .venv and does nothing twice. HOST, PORT and RECIPE are settable.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 5000
RECIPE ?= tiny
VENV := .venv
BIN := $(VENV)/bin
SERVE_STAMP := $(VENV)/.serve-installed
DEV_STAMP := $(VENV)/.dev-installed

.PHONY: serve test check train bench clean format

serve: $(SERVE_STAMP)
	$(BIN)/verso serve --host $(HOST) --port $(PORT)

test: $(DEV_STAMP)
	$(BIN)/pytest

check: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

train: $(DEV_STAMP)
	$(BIN)/verso-train run $(RECIPE)

bench: $(DEV_STAMP)
	for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV) build runs *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

$(SERVE_STAMP): pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(DEV_STAMP): pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ $(SERVE_STAMP)
