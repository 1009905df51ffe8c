# Two commands: `make quick` and `make test`. Both set up `.venv` first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Other people's packages, in an environment of their own.
INTEGRATION ?= .venv-integration

.PHONY: install quick test test-fast endurance mutations integration site lint clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

quick: $(STAMP)
	$(BIN)/python -m bench.run grids/quick.yaml

test: $(STAMP) lint
	$(BIN)/python -m pytest -n 2 --dist loadgroup

test-fast: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not mutations and not endurance"

# Kills runs and drivers at random moments, fails every write of a start, loses nodes of clusters, and
# runs every snippet of the documents from a wheel.
endurance: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m endurance

# Puts known bugs into copies of the metrics, one at a time: each must be noticed.
mutations: $(STAMP)
	$(BIN)/python -m pytest -m mutations

$(INTEGRATION)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(INTEGRATION)
	$(INTEGRATION)/bin/python -m pip install --quiet --upgrade pip
	$(INTEGRATION)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[test,integration]'
	touch $@

# The tests that `make test` skips: with Lightning, the notebook, the documentation site.
integration: $(INTEGRATION)/.installed
	$(INTEGRATION)/bin/python -m pytest -m integration -rs

# The documentation, in site/.
site: $(INTEGRATION)/.installed
	$(INTEGRATION)/bin/mkdocs build --strict

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(INTEGRATION) build dist site *.egg-info
