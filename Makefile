# Targets document themselves: `make` lists them.
SHELL := /bin/bash
GO ?= go
ARGS ?=
FUZZTIME ?= 5s
LINT := $(GO) tool -modfile=tools/golangci.mod golangci-lint

.PHONY: help build run sweep test race lint fuzz e2e bench ab docker docker-offline compose generate generate-check check clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the binary, bin/chaindyno
	$(GO) build -trimpath -o bin/chaindyno ./cmd/chaindyno

run: build ## load the reference chain and report what it delivers (ARGS="FILE --set key=value")
	bin/chaindyno run $(ARGS)

sweep: build ## a matrix of threads x batch sizes in some 6 minutes: verdict, HTML and CSV (ARGS="--set key=value")
	bin/chaindyno sweep scenarios/threads-batch.yaml $(ARGS)

test: ## every test but the end-to-end ones
	$(GO) test -timeout 20m ./...

race: ## the same with the race detector, without the longest ones
	$(GO) test -race -short -timeout 30m ./...

lint: ## vet and golangci-lint
	$(GO) vet ./...
	$(LINT) run

fuzz: ## every fuzz target for FUZZTIME each
	@FUZZTIME=$(FUZZTIME) GO=$(GO) ./tools/fuzz.sh

e2e: build ## the real binary from outside: runs, faults, and explorer and report in a browser
	CHAINDYNO_BIN=$(CURDIR)/bin/chaindyno $(GO) test -tags e2e -count=1 -p 1 -timeout 60m ./cmd/chaindyno ./chain/api/web ./reports

bench: build ## how fast and how small, each figure beside its target (ARGS="-run NAME")
	$(GO) run ./cmd/bench -bin bin/chaindyno $(ARGS)

ab: ## whether compare sees a build that is slower by a tenth, and nothing between equal ones (REPEATS=10, some ten minutes)
	@GO=$(GO) ./tools/ab.sh

docker: ## the image chaindyno:local
	docker build --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null) -t chaindyno:local .

docker-offline: ## base images from what is installed, where none can be pulled
	@GO=$(GO) ./tools/docker-offline.sh

compose: ## test docker-compose.yml, with docker-offline's images; needs a Docker engine
	@GO=$(GO) ./tools/compose.sh

generate: ## protobuf code and the scenario schema
	$(GO) generate ./...

generate-check: ## fail when generated files are not current
	@./tools/generate-check.sh

check: lint test race generate-check ## what a change must pass before it is handed in

clean: ## remove what was built and measured
	rm -rf bin out
