# Every target sets up what it needs in .venv, and only when that is stale.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
SOURCES := $(shell find compiler backends models -type d -not -name __pycache__)

.PHONY: demo test test-full browser lint bench wheel clean

demo: $(VENV)/core.stamp
	@$(BIN)/nmc compare digits-cnn

test: $(VENV)/dev.stamp browser
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow" $(ARGS)

test-full: $(VENV)/dev.stamp browser
	@$(BIN)/python -m pytest -q -n auto --dist worksteal $(ARGS)

browser:
	@sh tests/browser/install.sh

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check compiler backends models tests
	@$(BIN)/mypy -p nmc
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/dev.stamp
	@for file in tests/benchmarks/*.py; do $(BIN)/python $$file || exit; done

wheel: $(VENV)/dev.stamp
	@$(PIP) wheel --no-deps --wheel-dir dist . && ls dist/*.whl

clean:
	rm -rf $(VENV) build dist *.egg-info programs .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nmc needs Python 3.11 or newer: make PYTHON=python3.11")'
	@echo "setting up $(VENV) (once; a minute or two)"
	@$(PYTHON) -m venv $(VENV)

# The strict editable install links files one by one, so a new folder or file asks for it again.
$(VENV)/core.stamp: $(VENV)/bin/python pyproject.toml constraints.txt $(SOURCES)
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	@$(PIP) install -c constraints.txt -e '.[dev,nir,torch]'
	@touch $@
