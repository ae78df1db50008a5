# Targets document themselves: `make` lists them.
SHELL := /bin/bash
GO ?= go
ARGS ?=
FUZZTIME ?= 5s
LINT := $(GO) tool -modfile=tools/golangci.mod golangci-lint

.PHONY: help build run test race lint fuzz e2e bench generate generate-check check clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the binary, bin/chaindyno
	$(GO) build -trimpath -o bin/chaindyno ./cmd/chaindyno

run: build ## load the reference chain and report what it delivers (ARGS="FILE --set key=value")
	bin/chaindyno run $(ARGS)

test: ## every test but the end-to-end ones
	$(GO) test ./...

race: ## the same with the race detector, without the longest ones
	$(GO) test -race -short ./...

lint: ## vet and golangci-lint
	$(GO) vet ./...
	$(LINT) run

fuzz: ## every fuzz target for FUZZTIME each
	@FUZZTIME=$(FUZZTIME) GO=$(GO) ./tools/fuzz.sh

e2e: build ## the real binary from outside: runs, faults, and the report in a browser
	CHAINDYNO_BIN=$(CURDIR)/bin/chaindyno $(GO) test -tags e2e -count=1 -timeout 15m ./cmd/chaindyno ./reports

bench: build ## how fast and how small, each figure beside its target (ARGS="-run NAME")
	$(GO) run ./cmd/bench -bin bin/chaindyno $(ARGS)

generate: ## protobuf code and the scenario schema
	$(GO) generate ./...

generate-check: ## fail when generated files are not current
	@./tools/generate-check.sh

check: lint test race generate-check ## what a change must pass before it is handed in

clean: ## remove what was built and measured
	rm -rf bin out
