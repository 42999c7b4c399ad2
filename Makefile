# What a person or CI does with this repository. `make help` lists it.

BIN      ?= bin/rolecall
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
SUDO     := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
FUZZTIME ?= 20s
export CGO_ENABLED = 0

.PHONY: help
help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build, and serve this machine a role at 169.254.169.254
	$(SUDO) $(BIN) up

.PHONY: build
build: ## one static binary, bin/rolecall
	go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/rolecall

.PHONY: deps
deps: # what the tests need of Debian and npm; only as root
	.ci/deps

.PHONY: test
test: deps ## every test; as root, which the namespaces want, none is skipped
	.ci/test

.PHONY: test-vm
test-vm: deps ## the long runs: a whole Debian with cloud-init in a virtual machine
	.ci/deps-vm root
	go test -tags vm -count=1 -timeout 20m -run 'CloudInit|Machine' -v ./cmd/rolecall ./network/nettest/vmtest

.PHONY: test-ansible
test-ansible: # Ansible's modules against the core; its package alone takes minutes to install
	dpkg -s ansible >/dev/null 2>&1 || $(SUDO) apt-get install -y -qq --no-install-recommends ansible
	go test -tags ansible -count=1 -run Ansible -v ./rolestore/issuer/iam

.PHONY: lint
lint: ## gofmt, go vet and golangci-lint
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt'ed: $$unformatted"; exit 1; }
	go vet ./...
	go run $(GOLANGCI) run

.PHONY: bench
bench: ## speed, as ratios to a bare handler in the same run, and what 10,000 instances cost
	go test -run '^$$' -bench . -benchmem -timeout 30m ./imds/... ./network/... ./rolestore/... ./cmd/...

.PHONY: fuzz
fuzz: ## every fuzz target, FUZZTIME each
	.ci/fuzz $(FUZZTIME)

.PHONY: check
check: lint test ## what CI runs
