# Every target makes what it needs: a fresh machine with Python and make is enough.
PYTHON ?= python3
JOBS ?= 2

.PHONY: help demo test test-oracle lint format types bench notebooks clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1|/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: .venv/with-examples  ## the demo: per-sample gradients on handwritten digits
	.venv/bin/python -m functorch_jax examples/per_sample_gradients.py

test: .venv/with-test  ## the test suite, against the recorded answers of PyTorch
	.venv/bin/python -m pytest -n $(JOBS) tests

test-oracle: .venv-oracle/with-test  ## the same cases against a live PyTorch
	FUNCTORCH_JAX_ORACLE=live .venv-oracle/bin/python -m pytest -n $(JOBS) -m oracle tests
	.venv-oracle/bin/python -m tests.opinfo.rates

lint: .venv/with-dev  ## style and common mistakes
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: .venv/with-dev  ## rewrite the files as `make lint` wants them
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

types: .venv/with-dev  ## the annotations
	.venv/bin/mypy

bench: .venv/with-test  ## the benchmarks, all in one run
	.venv/bin/python -m benchmarks

notebooks: .venv/with-notebooks  ## execute every notebook from beginning to end
	.venv/bin/python -m pytest --nbmake notebooks

clean:  ## remove environments and caches
	rm -rf .venv .venv-* .ci/logs .ci/compiled .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment, and a stamp for each extra that has been installed into it.
.venv/bin/python .venv-oracle/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "functorch_jax needs Python 3.11 or newer, and $(PYTHON) is older: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(@:/bin/python=)

.venv/with-%: pyproject.toml | .venv/bin/python
	.venv/bin/python -m pip install -qq --editable '.[$*]'
	@touch $@

# PyTorch first and alone, so that nothing else can choose another build of it.
.venv-oracle/with-test: pyproject.toml | .venv-oracle/bin/python
	.venv-oracle/bin/python -m pip install -qq 'torch==2.13.0'
	.venv-oracle/bin/python -m pip install -qq --editable '.[test,oracle]'
	@touch $@
