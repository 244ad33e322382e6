# `make demo`, `make jhmdb` and `make test` do everything. Each makes a virtual environment in .venv where
# none is active. PYTHON chooses the interpreter that it is made with. `make docs` builds the site in build/site.
PYTHON ?= python3
ifdef VIRTUAL_ENV
BIN := $(VIRTUAL_ENV)/bin
else
BIN := .venv/bin
endif
STAMP := $(BIN)/.ga2mm-installed
DOCS_STAMP := $(BIN)/.ga2mm-docs-installed

.PHONY: demo jhmdb test test-fast lint format install docs

demo: $(STAMP)
	$(BIN)/python tools/run_protocol.py configs/benchmarks/demo.py

# The benchmark on real videos. Below the folder JHMDB lie JHMDB's class folders and HMDB51's official lists.
jhmdb: splits = $(BIN)/python tools/data/make_splits.py jhmdb --annotations "$(JHMDB)" --videos "$(JHMDB)"
jhmdb: check = $(BIN)/python tools/data/check_split.py configs/ga2/miniature_ga2.py --shots 16
jhmdb: export GA2MM_PROTOCOL = jhmdb
jhmdb: $(STAMP)
	test -d "$(JHMDB)" || { echo "error: give the folder of the videos: make jhmdb JHMDB=FOLDER"; exit 1; }
	$(splits) --out data/jhmdb
	$(splits) --out data/jhmdb_16 --leave-out 'climb stairs' pick run sit walk
	ln -sfn "$(abspath $(JHMDB))" data/jhmdb/videos
	GA2MM_DATASET=jhmdb GA2MM_ANCHORS=mixed $(check)
	GA2MM_DATASET=jhmdb_16 GA2MM_ANCHORS=other_dataset $(check)
	$(BIN)/python tools/run_protocol.py configs/benchmarks/jhmdb.py

# Three tests at a time: some wait for the processes that they start. More threads each are slower, but must not fail.
test: export OMP_NUM_THREADS ?= 1
test: $(STAMP) lint
	$(BIN)/python -m pytest -q -n 3 --dist loadfile

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

# Needs neither ga2mm nor PyTorch: docstrings are read, not imported.
docs: export NO_MKDOCS_2_WARNING = 1
docs: $(DOCS_STAMP)
	$(BIN)/python -m mkdocs build --strict

$(DOCS_STAMP): requirements-docs.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --progress-bar on -r requirements-docs.txt
	touch $(DOCS_STAMP)

$(STAMP): requirements.txt setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --progress-bar on -r requirements.txt
	touch $(STAMP)
