# Two commands for a fresh machine with Python 3.10 or later: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo page test lint

demo: $(VENV)/ready
	$(BIN)/python -m iclight_standalone demo

page: $(VENV)/ready
	$(BIN)/python -m iclight_standalone page

test: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest

# stable-diffusion-sdkit carries CompVis's own ldm UNet (its pinned dependencies are those of 2022, so none are taken),
# open-clip-torch CLIP's vocabulary; pydantic 1 is what some hosts still have.
$(VENV)/ready: pyproject.toml Makefile
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -e '.[standalone,test]'
	$(BIN)/python -m pip install --quiet --no-deps stable-diffusion-sdkit==2.1.5 open-clip-torch==3.3.0
	$(BIN)/python -m pip install --quiet --upgrade --no-deps --target $(VENV)/pydantic1 pydantic==1.10.13
	touch $@
