# What can be done here; `make` alone lists it. The text after ## is the help.
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: control-plane
control-plane: ## Build etcd, the Kubernetes control plane, kubectl and helm once, into a cache outside the checkout
	@tools/build-control-plane

.PHONY: lint
lint: ## Check the format and the lints
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets -- --deny warnings

.PHONY: test
test: control-plane lint ## Run every check: format, lints, tests on the real control plane, what is generated
	@cargo test --locked --workspace --no-fail-fast
	@tools/render-manifests --check

.PHONY: crds
crds: control-plane ## Write crds/, what is rendered from them, and docs/reference.md
	@tools/crds

.PHONY: demo
demo: control-plane ## Show the operator at work on a real control plane; KEEP=1 leaves it up until Ctrl-C
	@cargo build --locked --package metorial-operator --package installation --bin metorial-operator --bin demo
	@cargo run --locked --quiet --package installation --bin demo -- $(if $(KEEP),--keep)

N ?= 1000

.PHONY: bench
bench: control-plane ## Measure the operator with N resources (1000) beside the API server alone
	@cargo build --release --locked --package metorial-operator --package installation --bin metorial-operator --bin bench
	@cargo run --release --locked --quiet --package installation --bin bench -- $(N)

.PHONY: contract
contract: ## Check the simulator of the API with the official SDKs
	@tools/contract/run
