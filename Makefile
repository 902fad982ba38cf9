# Two commands for users, `make demo` and `make test`; two for contributors, `make check` and `make test-fast`.
# Everything is installed into $(VENV); only Python 3.11 or 3.12 with its venv module is needed beforehand.

VENV ?= .venv
RUN := $(VENV)/bin/python
INPUTS := pyproject.toml setup.py ci/constraints.txt ci/install.sh
JOBS ?= 2 # test processes; each opens both frameworks and takes about 1.5 GB
PYTEST := OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} ZOO_REQUIRE=torch,mindspore $(RUN) -m pytest -n $(JOBS)

.PHONY: help demo test test-fast mutants check docs format clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       find an ellipse in the example image, in PyTorch and in MindSpore"
	@echo "make test       the whole suite, as in CI"
	@echo "make test-fast  the suite without the slow tests"
	@echo "make mutants    break single lines and see that the tests notice; ten minutes, weekly or by hand"
	@echo "make check      formatting, lint, types, generated documents"
	@echo "make docs       build the site of the documentation into build/site"
	@echo "make format     repair formatting and lint, regenerate documents"
	@echo "make clean      remove what the other commands made"

$(VENV)/demo.stamp: $(INPUTS)
	@ci/install.sh $(VENV) torch,mindspore
	@touch $@

$(VENV)/dev.stamp: $(INPUTS)
	@ci/install.sh $(VENV) torch,mindspore,dev,docs
	@touch $(VENV)/demo.stamp $@

demo: $(VENV)/demo.stamp
	@$(RUN) -m zoo.demo

test: $(VENV)/dev.stamp
	@$(PYTEST)

test-fast: $(VENV)/dev.stamp
	@$(PYTEST) -m "not slow"

mutants: $(VENV)/dev.stamp
	@$(RUN) ci/mutants.py

check: $(VENV)/dev.stamp
	@VENV=$(VENV) ci/check.sh

docs: $(VENV)/dev.stamp
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet
	@echo "docs: open build/site/index.html"

format: $(VENV)/dev.stamp
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .
	@$(RUN) ci/model_table.py
	@$(RUN) ci/notebooks.py

clean:
	@rm -rf $(VENV) build dist demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
