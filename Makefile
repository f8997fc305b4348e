# One command each: `make demo`, `make test`, `make torture`, `make bench`, `make lint`, `make docs`, `make clean`.
# Every one makes .venv first if it is missing or pyproject.toml is newer, with any Python from 3.11 on.

PYTHON ?= python3
WORKERS ?= 2
SECONDS ?= 3600

VENV := .venv
BIN := $(VENV)/bin
TOOLS := $(VENV)/.tools
WHEEL := $(VENV)/.wheel
FLOOR := $(VENV)/.floor
# Folders too, so that a file that was removed is noticed.
SOURCES := $(shell find src -not -name '*.pyc' -not -name __pycache__)
CHECKED := src tests $(if $(wildcard benchmarks/*.py),benchmarks)

# The modules that decide without a clock, a thread or a socket: covered to the last branch.
PURE := $(addprefix src/secretsource/, \
	_json_text.py _suggest.py _tuning.py \
	$(addprefix config/,_config.py _lines.py _mistake.py _section.py _settings.py _provider.py _url.py _chain.py) \
	$(addprefix resolver/,_address.py _board.py _reference.py _document.py _refresh.py _cache.py _route.py _resolution.py _chain.py) \
	$(addprefix resolver/,_failure.py _delivery.py _trace.py _questions.py))

comma := ,
empty :=
space := $(empty) $(empty)
PURE_WRITTEN := $(subst $(space),$(comma),$(wildcard $(PURE)))

# What a developer's shell exports must not reach the tests: they run against the installed wheel.
CLEAN := env -u PYTHONPATH -u PYTHONHOME
GROUPED := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.PHONY: help demo test torture dotenv-floor bench lint docs clean check-format check-rules check-mypy check-pyright check-layers

help:
	@echo "make demo    secrets and keys at work, on this machine alone"
	@echo "make test    everything CI runs: lint, types, layers, the tests against the built wheel, coverage, docs"
	@echo "make torture an hour of processes that fork, close and are killed, on SQLite and on PostgreSQL (SECONDS=3600)"
	@echo "make bench   the benchmarks, with their budgets"
	@echo "make lint    format, lint, types and layers only"
	@echo "make docs    run every example of README.md and docs/"
	@echo "make clean   remove .venv and everything else that was made"

demo: $(WHEEL)
	@$(CLEAN) $(BIN)/python -m secretsource demo

bench: $(WHEEL)
	@$(CLEAN) $(BIN)/python -m benchmarks

docs: $(WHEEL)
	@$(CLEAN) $(BIN)/python -m pytest -q tests/docs

test: lint dotenv-floor $(WHEEL)
	@rm -f .coverage .coverage.*
	@$(CLEAN) $(BIN)/python -m coverage run -m pytest -q -n $(WORKERS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report
	@if [ -n "$(PURE_WRITTEN)" ]; then \
		echo "The pure modules:"; \
		$(BIN)/python -m coverage report --fail-under=100 --include="$(PURE_WRITTEN)"; \
	fi

# The driver stands on python-dotenv's parser, which read some lines otherwise before the floor of pyproject.toml.
dotenv-floor: $(TOOLS)
	@rm -rf $(FLOOR) && $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --target $(FLOOR) \
		"$$(sed -n 's/^dependencies = \["\(python-dotenv\)>=\(.*\)"\]/\1==\2/p' pyproject.toml)"
	@$(CLEAN) PYTHONPATH=$(FLOOR):src $(BIN)/python -m pytest -q tests/conformance/test_dotenv.py \
		tests/providers/test_dotenv.py tests/providers/test_dotenv_text.py tests/providers/test_dotenv_pipe.py

torture: $(WHEEL)
	@$(CLEAN) $(BIN)/python -m tests.torture --seconds $(SECONDS)
	@$(CLEAN) $(BIN)/python -m tests.torture --seconds $(SECONDS) --postgres

lint: $(TOOLS)
	@$(MAKE) --no-print-directory --keep-going -j2 $(GROUPED) check-mypy check-pyright check-format check-rules check-layers

check-format: $(TOOLS)
	@$(BIN)/ruff format --quiet --check . || { $(BIN)/ruff format --check .; exit 1; }

check-rules: $(TOOLS)
	@$(BIN)/ruff check --quiet .

check-mypy: $(TOOLS)
	@$(BIN)/mypy --no-error-summary $(CHECKED)

check-pyright: $(TOOLS)
	@$(BIN)/pyright --pythonpath $(BIN)/python

check-layers: $(TOOLS)
	@PYTHONPATH=src $(BIN)/lint-imports --no-logo --no-cache

# The tools and every extra.
$(TOOLS): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "secretsource needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1):" \
			"name a newer one, as in  make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "Making $(VENV): this takes a minute or two, once."; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check '.[dev]'
	@rm -f $(WHEEL)
	@touch $@

# The package as users get it: sdist, wheel from that sdist, installed without the tree.
$(WHEEL): $(TOOLS) $(SOURCES) README.md
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist . > $(VENV)/build.log 2>&1 || { cat $(VENV)/build.log; exit 1; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
	@touch $@

clean:
	@rm -rf $(VENV) dist build .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
