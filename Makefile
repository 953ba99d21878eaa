# Two commands do everything: `make demo` and `make test`. Both set up what they need first; a second call starts at once.
PYTHON ?= python3
PROOFLOOP_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/proofloop
export PROOFLOOP_CACHE
BIN := .venv/bin

.PHONY: demo test check chaos setup clean
.DELETE_ON_ERROR:

demo: setup ## Watch a model get better, through a real Label Studio
	$(BIN)/proofloop demo

test: setup check ## Run every check and every test, real servers included
	$(BIN)/python -m pytest

check: setup ## Lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

chaos: setup ## Kill a run at every point that there is, and see that it ends as if nothing had been
	PROOFLOOP_CHAOS=whole $(BIN)/python -m pytest --timeout=7200 tests/flows/chaos

setup: .venv/installed ## Make the environment and the private Label Studio
	@$(BIN)/python -m annotation.installation

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	touch $@

clean: ## Remove the environment and the demo, but no other run
	rm -rf .venv demo
