# Two commands for a newcomer: `make up` and `make test`. `make help` lists the rest.
SHELL := /bin/sh
VENV := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help up doctor test test-e2e test-vllm check check-docker foreign bench bench-detection soak sbom clean

help:  ## List these commands
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 16

.venv/.synced: uv.lock pyproject.toml bin/bootstrap
	@bin/bootstrap

.venv/.synced-dev: uv.lock pyproject.toml bin/bootstrap
	@bin/bootstrap dev

.venv-vllm/.synced: docker/vllm/cpu/uv.lock docker/vllm/cpu/pyproject.toml
	@bin/bootstrap vllm cpu

# The shell becomes the keeper, whose parent is then make itself: it stops when make dies.
up: .venv/.synced  ## Install, set up and start the appliance; Ctrl-C stops it
	@exec $(VENV)/python manage.py up --parent $$PPID

doctor: .venv/.synced  ## Say what is wrong and how to mend it
	@$(VENV)/python manage.py doctor

test: .venv/.synced-dev  ## Every test, on SQLite and then on PostgreSQL
	$(VENV)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not soak and not vllm" --durations=25
	$(VENV)/python -m tests.services.postgres -- $(VENV)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "database and not soak" --durations=15

test-e2e: .venv/.synced-dev  ## The console in a real browser (needs chromium on PATH)
	CHROMIUM=required $(VENV)/python -m pytest tests/e2e

test-vllm: .venv/.synced-dev .venv-vllm/.synced  ## With a real vLLM on the CPU (installs some 3 GB)
	$(VENV)/python -m pytest -m "vllm and not soak" --timeout 1800 --durations=15 tests/vllm

check: .venv/.synced-dev check-docker  ## Format, lint, types, layers, migrations, docs
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy --strict appliance compliance inference tests docker manage.py
	$(VENV)/lint-imports
	@mkdir -p build/check
	DOMICILE_DATA=build/check $(VENV)/python manage.py makemigrations --check --dry-run
	$(VENV)/python -m tests.check_docs

check-docker: .venv/.synced-dev  ## Dockerfile and compose file, without a Docker engine
	$(VENV)/python docker/check.py

foreign: .venv/.synced-dev  ## Fetch verifiers of others into build/foreign, and ask them
	$(VENV)/python -m tests.foreign.install
	$(VENV)/python -m pytest tests/foreign

bench: .venv/.synced-dev  ## Print what the hot path costs beside baselines
	$(VENV)/python -m tests.bench

bench-detection: .venv/.synced-dev  ## Print how well and fast personal data is found, beside stock Presidio
	$(VENV)/python -m tests.bench.targets

soak: .venv/.synced-dev .venv-vllm/.synced  ## The long form of the tests: kills, mutants
	$(VENV)/python -m pytest -m soak --timeout 7200

sbom: .venv/.synced-dev  ## Write build/sbom.cdx.json (CycloneDX) of what the appliance runs
	@mkdir -p build && $(VENV)/python docker/sbom.py build/sbom.cdx.json

clean:  ## Remove what was built; the data folder stays
	rm -rf build .venv .venv-vllm .mypy_cache .ruff_cache .hypothesis .import_linter_cache
