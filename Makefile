# `make` lists all targets. tools/get builds missing programs into a cache outside the checkout. Python packages come
# from the two lock files, with checked hashes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV_COMPILE := uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.10 pyproject.toml --extra local --group build
TEST_TOOLS := helm4 helm3 helm4-1 helm3-17 kubectl kubeconform kube-score ct prometheus promtool alloy otelcol mimir loki evidence grafana-schema gitops oras crane
# KUBERNETES=1.37 starts clusters of that minor, the second one in tools/tools.ini.
KUBERNETES ?=
NODE_TOOLS := $(addsuffix $(if $(KUBERNETES),-$(KUBERNETES)),kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy)
# CLUSTER=kind starts them in Docker; KUBERNETES is then a version of kind's images, as v1.35.0.
CLUSTER ?=
MESH_TOOLS := kubectl helm3 prometheus alloy otelcol mimir loki pilot-discovery pilot-agent install-cni istio-cni
# Only a node that we start needs these.
OWN_TOOLS := $(NODE_TOOLS) kube-router coredns
CLUSTER_TOOLS := $(sort $(TEST_TOOLS) $(MESH_TOOLS) $(if $(filter existing,$(CLUSTER)),,$(OWN_TOOLS)))
MATRIX_TOOLS := helm3-17 helm3-18 helm3 helm4-1 helm4
# The storage behind the demo's gateway: prometheus, which is compiled anyway, or mimir as in the tests. Both give the
# same verdicts (tests/plugin/local/test_gateway.py).
BACKEND ?= prometheus
DEMO_TOOLS := $(sort helm prometheus $(BACKEND))

# One session for every test without a cluster. It has more workers than cores, because many wait (tests/session.py).
WORKERS ?= 6
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
SUITE := $(wildcard tests/test_*.py) tests/plugin tests/tools tests/dashboards tests/release tests/website tests/chart tests/pipeline tests/faults
# Each worker imports every test, so compiled files save time.
export PYTHONDONTWRITEBYTECODE :=

# `make -n` runs a recipe with $(MAKE) and only shows one with this.
SUBMAKE := $(MAKE)

.DEFAULT_GOAL := help
.PHONY: help demo demo-tools test test-all test-rest test-changed test-unit test-chart test-pipeline test-faults test-cluster test-matrix cluster-up cluster-down lint schema kubernetes-schemas alerts golden dashboards tour package site bench wheelhouse tools lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Render the chart, scrape a mesh, push to a local xScaler and query it (BACKEND=mimir stores in Mimir)
	@$(MAKE) --no-print-directory -j 2 $(VENV)/.installed demo-tools
	@HELM_BIN="$${HELM_BIN:-$$(tools/get helm)}" $(BIN)/xscaler-istio test --local --values examples/values.yaml --backend $(BACKEND) --output-dir build/demo

# Runs beside the installation of packages. It uses the environment's pip, because not every Python has one.
demo-tools: | $(BIN)/python
	@tools/get $(DEMO_TOOLS) >/dev/null

test: $(VENV)/.installed-dev ## Run every kind of test that needs no cluster, and the linters; for each commit
test-all: $(VENV)/.installed-dev ## Run every test that needs no cluster, and the linters
test: CHOSEN := -m "not whole"
# The linters run beside the tests; their output comes last, where people see it.
test test-all:
	@tools/get $(TEST_TOOLS) >/dev/null
	@mkdir -p build
	@$(SUBMAKE) --no-print-directory lint >build/lint.log 2>&1 & linters=$$!; tests=0; \
	$(PYTEST) $(CHOSEN) $(SUITE) || tests=$$?; \
	wait $$linters && echo "make lint: no findings" || { cat build/lint.log; exit 1; }; exit $$tests

test-rest: $(VENV)/.installed-dev ## Run the tests of make test-all that make test leaves out
	@tools/get $(TEST_TOOLS) >/dev/null
	$(PYTEST) -m whole $(SUITE)

# BASE=COMMIT compares with another commit; the default is the one at which the branch left main.
test-changed: $(VENV)/.installed-dev ## Run the tests that your change can break, by imports and names of files
	@tools/get $(TEST_TOOLS) >/dev/null
	@$(BIN)/python -m tests.changed --base "$(BASE)" $(PYTEST)

test-unit: $(VENV)/.installed-dev ## Run tier 1: plugin, schema and the parts of the local test
	@tools/get $(TEST_TOOLS) >/dev/null
	$(PYTEST) $(filter-out tests/chart tests/pipeline tests/faults,$(SUITE))

test-chart: $(VENV)/.installed-dev ## Run tier 2: render the chart with both Helms and check it with the real programs
	@tools/get $(TEST_TOOLS) >/dev/null
	$(PYTEST) tests/chart

test-pipeline: $(VENV)/.installed-dev ## Run tier 3: real collectors scrape a mesh and push to a local xScaler
	@tools/get $(TEST_TOOLS) >/dev/null
	$(PYTEST) tests/pipeline

# CELL=row/collector runs one cell, CELL=row a row, CELL=/collector a column; CELLS_AT_A_TIME depends on the machine.
CELL ?=
CELLS_AT_A_TIME ?= 4
test-faults: $(VENV)/.installed-dev ## Break backend, network, programs and targets, count what is lost, and write docs/reliability.md
	@tools/get $(TEST_TOOLS) >/dev/null
	$(BIN)/python -m tests.faults "$(CELL)" --workers $(CELLS_AT_A_TIME) --keep

# XSCALER_PYTHONS and XSCALER_HELMS choose some of them.
test-matrix: $(VENV)/.installed-dev ## Run the installed plugin with every supported Helm and each installed Python
	@tools/get $(MATRIX_TOOLS) >/dev/null
	XSCALER_PYTHONS="$(XSCALER_PYTHONS)" $(BIN)/python -m pytest -n 2 --dist loadgroup tests/matrix

# CLUSTER=existing uses the cluster of the current kubeconfig, and its mesh, instead of starting one.
test-cluster: $(VENV)/.installed-dev ## Run tier 4: install the chart in a real Kubernetes with a real Istio (root)
	@tools/get $(CLUSTER_TOOLS) >/dev/null
ifeq ($(CLUSTER),kind)
	$(error CLUSTER=kind has no test target: CLUSTER=kind make cluster-up, export its KUBECONFIG, then CLUSTER=existing make test-cluster)
else ifeq ($(CLUSTER),existing)
	$(BIN)/python -m pytest -n 6 --maxschedchunk 1 --durations=12 tests/cluster
else
	$(BIN)/python -m tests.cluster --name test --kubernetes "$(KUBERNETES)" with $(BIN)/python -m pytest -n 6 --maxschedchunk 1 --durations=12 tests/cluster
endif

cluster-up: $(VENV)/.installed-dev ## Start a Kubernetes with Istio, an application and a local xScaler, for trials (root; or CLUSTER=kind)
	@tools/get $(MESH_TOOLS) $(if $(filter kind,$(CLUSTER)),kind,$(OWN_TOOLS)) >/dev/null
	@$(BIN)/python -m tests.cluster --on $(or $(filter kind,$(CLUSTER)),node) --kubernetes "$(KUBERNETES)" up --mesh

cluster-down: $(VENV)/.installed-dev ## Stop that Kubernetes and remove everything it created
	@$(BIN)/python -m tests.cluster --on $(or $(filter kind,$(CLUSTER)),node) down

lint: $(VENV)/.installed-dev ## Run ruff and mypy, and check that generated files are fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python values-schema/build.py --check
	$(BIN)/python -m dashboards.build --check

schema: $(VENV)/.installed-dev ## Build chart/values.schema.json and chart/README.md from chart/values.yaml and values-schema/
	$(BIN)/python values-schema/build.py

kubernetes-schemas: $(VENV)/.installed-dev ## Pack the schemas of Kubernetes for lint from the package kubernetes-validate
	$(BIN)/python -m tests.support.kubernetes_schemas

alerts: $(VENV)/.installed-dev ## Write examples/alerts from chart/files/alerts
	$(BIN)/python examples/alerts/generate.py

golden: $(VENV)/.installed-dev ## Rebuild the configurations of the ten-line values; read the difference before you commit it
	$(BIN)/python -m tests.support.golden

dashboards: $(VENV)/.installed-dev ## Build chart/files/dashboards from dashboards/sources, and draw docs/dashboards from five minutes of a mesh
	@tools/get $(TEST_TOOLS) >/dev/null
	$(BIN)/python -m dashboards.build
	$(BIN)/python -m tests.pipeline.pictures docs/dashboards 300

package: $(VENV)/.installed-dev ## Write a release into dist/: chart, plugin, wheel, signatures, bill of materials (KEY, KEYRING, PASSPHRASE_FILE)
	@tools/get helm4 >/dev/null
	$(BIN)/python -m release check
	rm -rf dist
	$(BIN)/python -m release package dist $(if $(KEY),--key "$(KEY)" --keyring "$(KEYRING)") $(if $(PASSPHRASE_FILE),--passphrase-file "$(PASSPHRASE_FILE)")

site: $(VENV)/.installed-dev ## Build the documentation as a static site in build/site; a warning is an error
	rm -rf build/site
	$(BIN)/python -m website build/site

tour: $(VENV)/.installed-dev ## Rebuild docs/tour.md and its picture from real runs
	@tools/get $(TEST_TOOLS) >/dev/null
	$(BIN)/python -m tests.support.tour "$$(tools/get helm4)"

bench: $(VENV)/.installed-dev ## Run the benchmarks: generated mesh, gateway, largest mesh on this machine
	@tools/get $(TEST_TOOLS) >/dev/null
	@for bench in tests/bench/bench_*.py; do echo "== $$bench"; PYTHONPATH=. $(BIN)/python $$bench || exit 1; done

# Run it once for each Python that may run the plugin: make wheelhouse PYTHON=python3.12
WHEELHOUSE ?= plugin/wheelhouse
wheelhouse: ## Download the packages that the plugin's first run installs, for a machine without network
	$(PYTHON) -m pip --disable-pip-version-check --quiet download --only-binary :all: --require-hashes -r requirements.lock -d "$(WHEELHOUSE)"

tools: ## Build every pinned program
	@tools/get $$(tools/get --list)

lock: ## Resolve the dependencies of pyproject.toml again (needs uv)
	$(UV_COMPILE) --upgrade -o requirements.lock
	$(UV_COMPILE) --upgrade --group dev -o requirements-dev.lock

clean: ## Remove the virtual environment and build outputs; the cache outside the checkout stays
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@echo "making $(VENV)" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; set PYTHON=/path/to/it" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing the Python packages of requirements.lock" >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "installing the Python packages of requirements-dev.lock" >&2
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
