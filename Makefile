# The front door: `make install`, `make run`, `make test`; `make help` lists the rest.
# Needs make, a POSIX shell, and Python 3.11 or later with pip. Everything else is put into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

BIN := .venv/bin
INSTALLED := .venv/.installed
UV_RELEASE := 0.13.9

# The first interpreter that is new enough. The base of a virtual environment is asked for, since
# the environment itself may lack pip, or be the very .venv that is about to be replaced.
NEW_ENOUGH := import sys; sys.exit("too old") if sys.version_info < (3, 11) else print(getattr(sys, "_base_executable", "") or sys.executable)
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c '$(NEW_ENOUGH)' 2>/dev/null && break; done)

NEED_PYTHON = test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and none was found.\
 Name one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }

# A uv on the PATH is used; else one is put into .bootstrap, which no system's Python refuses.
UV ?= $(shell command -v uv 2>/dev/null || echo .bootstrap/bin/uv)

# Passed on to the program of the target: make run ARGS="--port 9000", make test ARGS="-k trail".
ARGS ?=

# How many entries are searched by make bench: 10k, 1M or 10M.
SIZE ?= 1M

# Certificates are the system's, so that an authority of one's own network is known.
UV_SYSTEM_CERTS ?= true
export UV_SYSTEM_CERTS

# Only the interpreter found above is used (uv may not download one), and only our .venv.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
unexport VIRTUAL_ENV
unexport PYTHONHOME
unexport PYTHONPATH

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: install
install: $(INSTALLED) ## create .venv with everything in it

.PHONY: run
run: $(INSTALLED) ## start the environment with demo data (ARGS="--port 9000")
	@exec $(BIN)/live-agent demo $(ARGS)

.PHONY: test
test: $(INSTALLED) ## run every test; what they need is installed when missing and permitted (ARGS="-k trail")
	@chromium="$$(sh scripts/system-packages.sh chromium)" || exit 1; \
	postgresql="$$(sh scripts/system-packages.sh postgresql)" || exit 1; \
	pgbouncer="$$(sh scripts/system-packages.sh pgbouncer)" || exit 1; \
	LIVE_AGENT_CHROMIUM="$$chromium" LIVE_AGENT_POSTGRESQL="$$postgresql" \
	LIVE_AGENT_PGBOUNCER="$$pgbouncer" $(BIN)/python -m pytest $(ARGS)

.PHONY: lint
lint: $(INSTALLED) ## check rules and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: $(INSTALLED) ## check types
	@$(BIN)/mypy

.PHONY: format
format: $(INSTALLED) ## format the code and mend what can be mended
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

.PHONY: bench
bench: $(INSTALLED) ## measure throughput and latency (SIZE=10M searches that many entries)
	@exec $(BIN)/python -m bench.run --size $(SIZE) $(ARGS)

.PHONY: peers
peers: .venv-peers/.installed ## compare with other libraries, in an environment of their own (ARGS="--write")
	@exec .venv-peers/bin/python -m bench.peers.run $(ARGS)

.PHONY: soak
soak: $(INSTALLED) ## run under load for long, and check that nothing was lost
	@exec $(BIN)/python -m bench.soak $(ARGS)

.PHONY: clean
clean: ## remove what was built, but no data
	@rm -rf .bootstrap .venv .venv-peers build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find src tests scripts -type d -name __pycache__ -prune -exec rm -rf {} +

# The lock file is obeyed to the letter. Bytecode is made now, so that the first start doesn't wait
# for it. The stamp is written last, so that an interrupted installation is taken up again.
$(INSTALLED): pyproject.toml uv.lock | $(filter .bootstrap/bin/uv,$(UV))
	@$(NEED_PYTHON)
	@"$(UV)" sync --quiet --frozen --compile-bytecode --python "$(PYTHON)"
	@touch $@

.venv-peers/.installed: export UV_PROJECT_ENVIRONMENT := .venv-peers
.venv-peers/.installed: pyproject.toml uv.lock | $(filter .bootstrap/bin/uv,$(UV))
	@$(NEED_PYTHON)
	@"$(UV)" sync --quiet --frozen --no-default-groups --group peers --python "$(PYTHON)"
	@touch $@

.bootstrap/bin/uv:
	@$(NEED_PYTHON)
	@"$(PYTHON)" -m pip --version >/dev/null 2>&1 || { echo "$(PYTHON) has no pip.\
 Install pip (Debian: apt-get install python3-pip) or uv, then run make again." >&2; exit 1; }
	@"$(PYTHON)" -m pip install --quiet --disable-pip-version-check --upgrade \
		--root-user-action=ignore --target .bootstrap "uv==$(UV_RELEASE)"
