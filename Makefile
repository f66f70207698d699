# Targets for development; `make` without a target lists them. The text after ## is the help.
.DEFAULT_GOAL := help

# Checks .github/workflows. Pinned, as a Go module.
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
# Runs containers without root. A version of the branch that can be built as a Go module.
GVISOR := gvisor.dev/gvisor/runsc@v0.0.0-20250503011706-39ed1f5ac29c

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: control-plane
control-plane: ## Build etcd, the Kubernetes control plane, kubectl and Helm once, into a cache outside the checkout
	@tools/build-control-plane

.PHONY: monitoring
monitoring: ## Build Prometheus and kube-state-metrics once for the tests of metrics and alerts, into the same cache
	@tools/build-monitoring

.PHONY: lint
lint: ## Check formatting, lints and workflows
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets -- --deny warnings
	@"$$(tools/go-tool $(ACTIONLINT))"
	@tools/release check >/dev/null

.PHONY: deny
deny: ## Check licenses, sources and known vulnerabilities of the dependencies
	@tools/deny

.PHONY: test
test: control-plane monitoring lint ## Run all checks: formatting, lints, tests on a real control plane, generated files
	@cargo test --locked --workspace --no-fail-fast
	@tools/render-manifests --check

.PHONY: compat
compat: ## Run the demo and the central stories on the oldest supported Kubernetes
	@KUBERNETES=oldest tools/build-control-plane >/dev/null
	@cargo build --locked --workspace --bins
	@KUBERNETES=oldest cargo run --locked --quiet --package installation --bin demo
	@KUBERNETES=oldest cargo test --locked --workspace --no-fail-fast --test stories --test install --test lifecycle

# Each story starts controllers of its own: fewer run at a time than of the tests of the operator.
.PHONY: gitops
gitops: control-plane ## Show resources that Flux and Argo CD apply; its first run builds both from pinned sources
	@engines=$$(tools/build-gitops-engines) && \
		GITOPS_ENGINES=$$engines cargo test --locked --workspace --test install -- --ignored --test-threads=6 engines::

.PHONY: image
image: control-plane ## Build the images without a container engine, and run them rootless with a read-only file system (Linux)
	@tools/image target/image
	@runtime=$$(tools/go-tool $(GVISOR)) && \
		IMAGES=$(CURDIR)/target/image CONTAINER_RUNTIME=$$runtime \
		cargo test --locked --workspace --test install -- --ignored image::

.PHONY: package
package: control-plane ## Make chart, crates, manifests, licenses and bills of materials as a release does, and test the client with all of its features
	@tools/release check
	@tools/release chart target/package registry.example.com/metorial-operator
	@tools/release crates
	@tools/release sboms target/package
	@tools/notices metorial-operator x86_64-unknown-linux-musl aarch64-unknown-linux-musl >target/package/LICENSE-THIRD-PARTY
	@tools/release manifests target/package registry.example.com/metorial-operator:0.1.0
	@cargo test --locked --package metorial --all-features

.PHONY: site
site: ## Build the documentation as a site in target/site
	@tools/site

.PHONY: crds
crds: control-plane ## Generate crds/, the files rendered from them, and docs/reference.md
	@tools/crds

.PHONY: demo
demo: control-plane ## Show the operator on a real control plane; KEEP=1 keeps it running until Ctrl-C
	@cargo build --locked --package metorial-operator --package installation --bin metorial-operator --bin demo
	@cargo run --locked --quiet --package installation --bin demo -- $(if $(KEEP),--keep)

N ?= 1000

.PHONY: bench
bench: control-plane ## Measure the operator with N resources (default 1000); ONLY=restart,idle chooses scenarios, MARKDOWN=1 the format
	@cargo build --release --locked --package metorial-operator --package installation --bin metorial-operator --bin bench
	@cargo run --release --locked --quiet --package installation --bin bench -- $(N) $(if $(ONLY),--only $(ONLY)) $(if $(MARKDOWN),--markdown)

RESOURCES ?= 100000

.PHONY: simulate
simulate: ## Check queue, batched reads and budgets with RESOURCES resources (default 100000) on a simulated clock
	@SIMULATE_RESOURCES=$(RESOURCES) cargo test --locked --quiet --lib simulation:: -- --nocapture --test-threads=1

.PHONY: contract
contract: ## Check the API simulator with the official SDKs
	@tools/contract/run
