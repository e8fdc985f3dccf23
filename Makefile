# make demo | up | down | test | airflow | nightly | lint | bench; each makes .venv itself. PYTHON chooses the interpreter (3.11 to 3.13).

PYTHON ?= python3
UV := uv==0.13.8
BIN := .venv/bin
READY := .venv/.ready
# Where the environment forbids bytecode, each of the many processes would compile all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

# What tests write lies in memory where there is room for it: nothing of it has to outlast the machine.
SCRATCH = $(shell d=/dev/shm; [ -w $$d ] && ! grep -q " $$d .*noexec" /proc/mounts && \
	[ "$$(df -Pk $$d | awk 'NR == 2 {print $$4}')" -gt 8000000 ] && echo TMPDIR=$$d)

.PHONY: help demo up down test airflow nightly lint bench format constraints schema clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         the main path, end to end, on real data; ends when it has shown the posture"
	@echo "make up           the same, and leave the servers running"
	@echo "make down         stop what make up left running"
	@echo "make test         run the tests"
	@echo "make airflow      run the tests that walk through an Airflow of their own: the demo, people, other DAGs"
	@echo "make nightly      run the tests that cut everything off at every point, and those that tamper with everything"
	@echo "make lint         style, types and imports"
	@echo "make bench        measure both sides of each comparison"
	@echo "make format       put the code into its form"
	@echo "make constraints  pin every dependency anew, with hashes"
	@echo "make schema       write the JSON Schema of the inventory's files anew"
	@echo "make clean        remove .venv, .demo and caches"

demo: $(READY)
	$(BIN)/python -m demo run

up: $(READY)
	$(BIN)/python -m demo up

down: $(READY)
	$(BIN)/python -m demo down

test: $(READY)
	$(SCRATCH) $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations 25 --durations-min 5 -m "not airflow and not faults and not nightly"

airflow: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations 10 --durations-min 5 -m "airflow and not nightly"

nightly: $(READY)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[spark]'
	$(BIN)/python -m pytest -n 2 --dist load -m "faults or nightly"

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m bench all

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

constraints: .venv/bin/uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --all-extras --generate-hashes --annotation-style line \
		--no-header --upgrade pyproject.toml -o constraints.txt

schema: $(READY)
	$(BIN)/python -c "from pathlib import Path; from affidavit.inventory.schema import write; write(Path('include/schema'))"

clean:
	rm -rf .venv .demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis include/*.egg-info

# uv because it checks the hashes that stand in a constraints file.
$(READY): pyproject.toml constraints.txt .venv/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); \
		sys.exit(None if ok else "This needs Python 3.11 to 3.13, and $(PYTHON) is %d.%d: make PYTHON=python3.12 …" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
