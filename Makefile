# Each target sets itself up, in .venv or below build/, and does nothing twice. Settable: PYTHON; HOST, PORT (serve); LOAD (load);
# CASES, SEED (fuzz); RECIPE, DATA (train).
PYTHON ?= python3
RECIPE ?= tiny
VENV := .venv
BIN := $(VENV)/bin
SERVE_STAMP := $(VENV)/.serve-installed
DEV_STAMP := $(VENV)/.dev-installed
RAY_STAMP := $(VENV)/.ray-installed
PEERS := build/peers
FUZZ := build/fuzz

.PHONY: serve test test-ray load fuzz check train bench peers bench-peers bench-training clean format docs screenshots

serve: $(SERVE_STAMP)
	$(BIN)/verso serve $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT))

test: $(DEV_STAMP)
	$(BIN)/pytest --numprocesses auto --dist loadfile

# The service under load: LOAD="--seconds 20 --soak 0" makes it short; about 40 minutes without.
load: $(DEV_STAMP)
	$(BIN)/python -m tests.load.measure $(LOAD)

# schemathesis over the whole OpenAPI document, against the real server; minutes, so it is apart. CASES=1000 SEED=2 change it.
fuzz: $(DEV_STAMP) $(FUZZ)/.installed
	$(BIN)/python -m tests.fuzz.run $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED))

$(FUZZ)/.installed: tests/fuzz/requirements.txt
	$(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/pip install --quiet --requirement $<
	touch $@

# A Ray cluster of several nodes on this machine; takes minutes, so it is apart.
test-ray: $(RAY_STAMP)
	$(BIN)/pytest --timeout 1800 tests/cluster

# What CI runs before the tests (.ci/run): style, types, who may import whom.
check: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A recipe of training/recipes, or a file; DATA is the folder of its corpora. What comes of it is in runs/.
train: $(DEV_STAMP)
	$(BIN)/verso-train run $(RECIPE) $(if $(DATA),--data $(DATA))

# The machine's limits and what the decoder makes of them; a line of JSON each (docs/performance.md).
bench: $(DEV_STAMP)
	export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=1000; for name in limits decoding scaling step_profile static_batching http_share; do $(BIN)/python -m benchmarks.$$name || exit 1; done

# The same sentences by other translators, and batches by another trainer: each in an environment of its own, below build/peers.
bench-peers: $(DEV_STAMP) peers
	$(BIN)/python -m benchmarks.peers.compare

bench-training: $(DEV_STAMP) $(PEERS)/opennmt/.installed
	$(BIN)/python -m benchmarks.training_speed

peers: $(PEERS)/opennmt/.installed $(PEERS)/ctranslate2/.installed

$(PEERS)/%/.installed: benchmarks/peers/%.txt
	$(PYTHON) -m venv $(PEERS)/$*
	$(PEERS)/$*/bin/pip install --quiet --requirement $<
	$(if $(filter opennmt,$*),$(PEERS)/$*/bin/pip install --quiet --no-deps OpenNMT-py==3.5.1)
	touch $@

# The reference of the API, from the app itself.
docs: $(DEV_STAMP)
	$(BIN)/python -m service.reference > docs/api.md

# The pictures of the page in docs/page, in Debian's chromium.
screenshots: $(DEV_STAMP)
	$(BIN)/python -m tests.e2e.browser.screenshots

# Removes what was trained as well: runs/.
clean:
	rm -rf $(VENV) build runs *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

$(SERVE_STAMP): pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(DEV_STAMP): pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ $(SERVE_STAMP)

$(RAY_STAMP): $(DEV_STAMP)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,ray]'
	touch $@
