# Two commands do everything: `make demo` and `make test`. Each makes a virtual environment in .venv where
# none is active. PYTHON chooses the interpreter that it is made with.
PYTHON ?= python3
ifdef VIRTUAL_ENV
BIN := $(VIRTUAL_ENV)/bin
else
BIN := .venv/bin
endif
STAMP := $(BIN)/.ga2mm-installed

.PHONY: demo test test-fast lint format install

demo: $(STAMP)
	$(BIN)/python tools/run_protocol.py configs/benchmarks/demo.py

# Two tests at a time share the cores: more threads each are slower, but must not fail.
test: export OMP_NUM_THREADS ?= 1
test: $(STAMP) lint
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

test-fast: $(STAMP)
	$(BIN)/python -m pytest -q -m 'not slow'

lint: $(STAMP)
	$(BIN)/ruff check ga2mm tools tests examples
	$(BIN)/ruff format --check ga2mm tools tests examples
	$(BIN)/python tools/model_index.py

format: $(STAMP)
	$(BIN)/ruff check --fix ga2mm tools tests examples
	$(BIN)/ruff format ga2mm tools tests examples

install: $(STAMP)

$(STAMP): requirements.txt setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --progress-bar on -r requirements.txt
	touch $(STAMP)
