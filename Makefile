# make demo, make test, make lint, make bench: each prepares .venv first when something is missing. No root is needed.

PYTHON ?= python3
BIN := .venv/bin
JOBS ?= $(shell n=$$(nproc); [ $$n -gt 4 ] && echo 4 || echo $$n)

# Options of the demo, as make variables: make demo DURATION=60 HEADLESS=1 REPORT=report.json
DEMO_OPTIONS := $(if $(DURATION),--duration $(DURATION)) $(if $(SEED),--seed $(SEED)) \
  $(if $(CAMERAS),--cameras $(CAMERAS)) $(if $(PEOPLE),--people $(PEOPLE)) \
  $(if $(SCRIPT),--script $(SCRIPT)) \
  $(if $(EXTRINSICS),--extrinsics $(EXTRINSICS)) $(if $(filter-out 0,$(HEADLESS)),--headless) \
  $(if $(PORT),--port $(PORT)) $(if $(REPORT),--report $(REPORT))

# make demo REAL=1 (or single): footage of real cameras instead of the synthetic room
REAL_OPTIONS := $(if $(DURATION),--duration $(DURATION)) $(if $(filter single,$(REAL)),--demo single) \
  $(if $(EXTRINSICS),--extrinsics $(EXTRINSICS)) $(if $(filter-out 0,$(HEADLESS)),--headless) \
  $(if $(PORT),--port $(PORT)) $(if $(REPORT),--report $(REPORT))

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs bench check-builds environment development browser

help:
	@echo 'make demo          synthetic cameras, capture and viewer; stop with Ctrl-C'
	@echo '                   DURATION=seconds SEED=n CAMERAS=n PEOPLE=n EXTRINSICS=auto|tf|estimated'
	@echo '                   SCRIPT=walks|leaves_and_returns|crossing|hidden'
	@echo '                   HEADLESS=1 PORT=n REPORT=file.json'
	@echo '                   REAL=1|single: four real cameras, fetched with pip once (51 MB)'
	@echo 'make test          lint and all tests; one part: make test TESTS=test/people'
	@echo 'make lint          ruff, mypy, import-linter'
	@echo 'make docs          the documentation as a site: build/docs/index.html'
	@echo 'make bench         measures, against the reference ways; ratios, so that they mean something on any machine'
	@echo 'make check-builds  colcon build (with and without --symlink-install) and pip install, from clean clones'
	@echo 'PYTHON=python3.12  which Python .venv is made from (3.10 to 3.12)'

demo: environment
	@$(BIN)/chromm $(if $(filter-out 0,$(REAL)),demo-real $(REAL_OPTIONS),demo $(DEMO_OPTIONS))

test: lint browser
	$(BIN)/pytest $(TESTS) -m serial || [ $$? -eq 5 ]  # 5: TESTS names a part that has none of these
	$(BIN)/pytest $(TESTS) -m 'not serial' -n $(JOBS)

lint: development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: development
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs
	@echo 'build/docs/index.html'

bench: environment
	$(BIN)/chromm bench people
	$(BIN)/chromm bench live
	$(BIN)/chromm bench network
	$(BIN)/chromm bench ros
	$(BIN)/chromm bench page

check-builds: development
	$(BIN)/python tools/check_builds.py

environment:
	@$(PYTHON) tools/prepare.py run

development:
	@$(PYTHON) tools/prepare.py development

# The tests of the viewer's page look at it in Debian's headless browser.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && apt-get update -q >/dev/null && \
	  apt-get install -y -q --no-install-recommends chromium >/dev/null || { \
	  echo 'make test: the viewer tests need a headless browser: sudo apt install chromium'; exit 1; }; }
