# Everything a contributor runs; each target is what its name says, from a clean checkout onwards.
.DEFAULT_GOAL := help
.PHONY: help setup test check format golden demo dagster example deep bench

BIN := .venv/bin

# Planning short statements is asking for memory in small pieces; keeping more of them at hand saves a sixth of the time.
# Where the C library is another one than glibc, this says nothing to it.
demo test deep: export GLIBC_TUNABLES := glibc.malloc.tcache_count=60000

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with everything in it: by uv from uv.lock, or by pip where there is no uv
ifneq ($(shell command -v uv),)
	uv sync --locked --all-extras
else
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version)'
	python3 -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[dagster,example,kafka,postgres,receipts,s3]' --group dev
endif

test: ## Run every test and doctest
	$(BIN)/pytest --numprocesses auto --no-loadscope-reorder

check: ## Check formatting, lint, types, import rules, SQL style, and what Dagster loads
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfmt --check --no-progressbar sql
	DAGSTER_DISABLE_TELEMETRY=1 $(BIN)/dg check defs

format: ## Format Python and SQL
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	$(BIN)/sqlfmt --no-progressbar sql

golden: ## Rewrite the golden files; then read the difference
	GOLDEN=rewrite $(BIN)/pytest --quiet -m golden

demo: setup ## Run two weeks of a made-up company, hour by hour; the project is then in demo/
	$(BIN)/series demo demo --force

dagster: setup ## Run demo/ by Dagster, on http://127.0.0.1:3000; where there is no demo, a short one is made first
	test -f demo/series.yml || $(BIN)/series demo demo --customers 1000 --hours 48
	mkdir -p demo/.dagster
	cp assets/dagster.yaml demo/.dagster/
	DAGSTER_HOME=$(CURDIR)/demo/.dagster SERIES_PROJECT_DIR=demo $(BIN)/dg dev

bench: ## Print what runs cost, with machine and versions, beside a floor measured in the same run
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/messages.py
	$(BIN)/python benchmarks/senders.py
	$(BIN)/python benchmarks/orchestrator.py
	$(BIN)/python benchmarks/report.py

example: ## Run the series of examples/complete_journey over a year of real purchases
	$(BIN)/python examples/complete_journey/run.py

deep: ## Test long: random plays (SERIES_EXAMPLES says how many), kills at every point, worlds of known truth
	SERIES_PROFILE=deep SERIES_KILLS=3000 $(BIN)/pytest --numprocesses auto tests/test_worlds.py tests/test_truth.py tests/kills
