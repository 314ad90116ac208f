# For a fresh machine with Python 3.10 or later: `make demo`, `make page` and `make test`.

PYTHON ?= python3

# The PyTorch that is installed. On Linux the package index's own build brings CUDA's libraries; TORCH_INDEX takes it from
# another index, such as PyTorch's own of builds for the processor alone: see the README.
TORCH ?= torch==2.13.0
TORCH_INDEX ?=

# Processes that tests are shared out to. Each holds a PyTorch and small models, about 1.5 GB.
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PYTEST := -m pytest --numprocesses $(WORKERS) --dist loadfile

# With the package versions that Forge has; its other packages (PyTorch, what the tests need) are the first environment's.
# Left out are rooms that need a host or the tools (diffusers, a page).
FORGE_VENV := $(VENV)/forge-versions
FORGE_BIN := $(FORGE_VENV)/bin
ROOMS_WITHOUT_HOST := $(patsubst %/__init__.py,%,$(wildcard tests/*/__init__.py))
ROOMS_WITHOUT_HOST := $(filter-out $(addprefix tests/,contract forge install standalone training workshop),$(ROOMS_WITHOUT_HOST))

SITE := import sysconfig; print(sysconfig.get_path("purelib"))

.PHONY: demo page test check-types run-tests test-long test-forge-versions

demo: $(VENV)/ready
	$(BIN)/python -m iclight_standalone demo

page: $(VENV)/ready
	$(BIN)/python -m iclight_standalone page

# Types are checked beside the tests, as that takes one process a minute.
test: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(MAKE) --jobs 2 check-types run-tests

check-types: $(VENV)/ready
	$(BIN)/python -m mypy lib_iclight iclight_standalone iclight_workshop scripts install.py iclight_neighbours.py

run-tests: $(VENV)/ready
	$(BIN)/python $(PYTEST) -m "not long"

test-long: $(VENV)/ready
	$(BIN)/python $(PYTEST) -m long

test-forge-versions: $(VENV)/ready
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 13))'; then \
	    echo "Left out: the NumPy that Forge has, 1.26, has no wheel for this Python."; \
	else \
	    $(MAKE) $(FORGE_VENV)/ready && \
	    $(FORGE_BIN)/python $(PYTEST) -m "not long" $(ROOMS_WITHOUT_HOST); \
	fi

# stable-diffusion-sdkit carries CompVis's own ldm UNet (its pinned dependencies are those of 2022, so none are taken),
# open-clip-torch CLIP's vocabulary.
$(VENV)/ready: pyproject.toml Makefile
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH)"
	$(BIN)/python -m pip install --quiet -e '.[standalone,test]'
	$(BIN)/python -m pip install --quiet --no-deps stable-diffusion-sdkit==2.1.5 open-clip-torch==3.3.0
	touch $@

$(FORGE_VENV)/ready: $(VENV)/ready tests/forge-versions.txt
	$(BIN)/python -m venv --clear $(FORGE_VENV)
	$(BIN)/python -c '$(SITE)' > "$$($(FORGE_BIN)/python -c '$(SITE)')/shared.pth"
	$(FORGE_BIN)/python -m pip install --quiet --no-warn-conflicts -r tests/forge-versions.txt
	touch $@
