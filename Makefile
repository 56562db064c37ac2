# Two commands for newcomers, `make demo` and `make test`; what they need they set up: Python packages in .venv,
# npm's in .cache, and (as root on Debian) Chromium and some proxies. Stamps make the second run quick.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.NOTPARALLEL:

# The first Python that is new enough; `make PYTHON=/path/to/python3.13` takes another.
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$each" -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && { echo "$$each"; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
NPM := .cache/npm
KUBERNETES_TOOLS := .cache/kubernetes
DEMO_ARGS ?=
BENCH_ARGS ?=

# Programs (or files) of the bench and of the end-to-end tests, each with its Debian package.
BENCH_PROGRAMS := nginx:nginx-light wrk:wrk apache2:apache2 \
	/usr/lib/apache2/modules/mod_auth_openidc.so:libapache2-mod-auth-openidc
PROGRAMS := chromium:chromium chromedriver:chromium-driver haproxy:haproxy redis-server:redis-server redis-sentinel:redis-sentinel \
	ip:iproute2 $(BENCH_PROGRAMS)

.PHONY: help demo test lint unit conformance converted hostile e2e test-kubernetes autobahn bench screenshots install \
	provider programs kubernetes-tools clean

help: ## say what there is
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-16s %s\n", $$1, $$2 }'

demo: $(VENV)/.demo ## run the demo; DEMO_ARGS="--app http://127.0.0.1:8080" puts it before an app of yours
	@exec $(BIN)/o2sidecar demo $(DEMO_ARGS)

test: install provider programs ## set up everything, run every suite, end with the counts
	@$(BIN)/python tests/run_all.py

lint: install ## ruff and mypy
	@$(BIN)/python tests/run_all.py lint

unit: install ## tests without processes
	@$(BIN)/python tests/run_all.py unit

conformance: install ## the recorded behaviour of oauth2-proxy
	@$(BIN)/python tests/run_all.py conformance

converted: install ## the same by way of the structured file that each configuration is converted to
	@$(BIN)/python tests/run_all.py converted

hostile: install ## hostile HTTP, byte by byte, against the real process
	@$(BIN)/python tests/run_all.py hostile

e2e: install provider programs ## real processes, a certified provider, a browser, packaging
	@$(BIN)/python tests/run_all.py e2e

test-kubernetes: install provider programs ## manifests, charts and examples, judged by helm, kustomize and the API's schemas, and run
	@$(BIN)/python tests/run_all.py kubernetes

screenshots: install provider programs ## pictures of all pages for docs/pages.md, made by the tests of the pages
	@O2SIDECAR_NPM=$(abspath $(NPM)) O2SIDECAR_SCREENSHOTS=$(abspath docs/pages) \
		$(BIN)/trial --temp-directory=.cache/trial tests.end_to_end.test_pages

autobahn: install ## Autobahn's WebSocket suite, with and without the sidecar; wants Python 2.7
	@$(BIN)/python tests/run_all.py autobahn

bench: PROGRAMS := $(BENCH_PROGRAMS)
bench: install programs ## what o2sidecar costs beside other proxies; BENCH_ARGS="--only small,auth --rounds 1" for a part
	@exec $(BIN)/python -m bench $(BENCH_ARGS)

install: $(VENV)/.test ## .venv with everything that the tests need

provider: $(NPM)/.installed ## npm's certified OpenID provider, in .cache

programs: ## what the end-to-end tests and the bench run: Chromium with its driver, haproxy, Redis, nginx, wrk, Apache
	@PATH="$$PATH:/usr/sbin"; absent=(); for each in $(PROGRAMS); do \
		command -v "$${each%:*}" >/dev/null || [ -f "$${each%:*}" ] || absent+=("$${each#*:}"); done; \
	[ $${#absent[@]} -gt 0 ] || exit 0; \
	command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] || { \
		echo "The end-to-end tests and the bench need $${absent[*]}. Install them, on Debian with:" >&2; \
		echo "    sudo apt-get install $${absent[*]}" >&2; exit 1; }; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -q && apt-get install -q -y --no-install-recommends "$${absent[@]}"

kubernetes-tools: $(KUBERNETES_TOOLS)/.built ## helm, kustomize and kubeconform, built with Go in .cache; the suite does it by itself

clean: ## remove what make made
	rm -rf $(VENV) .cache .tox build *.egg-info

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { \
		echo "Python 3.11 or newer with its venv module is needed (on Debian: python3 and python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo: setup.py pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/.test: setup.py pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[test,lint]'
	@touch $@ $(VENV)/.demo

$(KUBERNETES_TOOLS)/.built: tests/kubernetes_tools/build.sh
	@tests/kubernetes_tools/build.sh $(KUBERNETES_TOOLS)
	@touch $@

$(NPM)/.installed: tests/end_to_end/package.json tests/end_to_end/package-lock.json
	@command -v npm >/dev/null || { \
		echo "The certified provider needs Node.js 20 or newer with npm. Install them." >&2; exit 1; }
	@mkdir -p $(NPM)
	cp tests/end_to_end/package.json tests/end_to_end/package-lock.json $(NPM)/
	cd $(NPM) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
