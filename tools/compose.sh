#!/usr/bin/env bash
# Tests Dockerfile and docker-compose.yml where a Docker engine answers: images
# without a registry, Compose from its Go module, and then TestCompose. COMPOSE
# chooses another Compose, such as "docker-compose". With the argument "tool" it
# only builds Compose.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
module=github.com/docker/compose/v2

if ! timeout 20 docker info >/dev/null 2>&1; then
	echo "skipped: no Docker engine answers"
	exit 0
fi

# plugin makes `docker compose` work: a plugin in a folder of settings of our
# own, unless there is one already.
plugin() {
	docker compose version >/dev/null 2>&1 && return
	export DOCKER_CONFIG=$PWD/bin/docker
	mkdir -p "$DOCKER_CONFIG/cli-plugins"
	local version
	version=$($GO list -m -modfile=tools/compose.mod -f '{{.Version}}' $module)
	$GO build -modfile=tools/compose.mod -ldflags "-s -w -X $module/internal.Version=$version" \
		-o "$DOCKER_CONFIG/cli-plugins/docker-compose" $module/cmd
}

[ -n "${COMPOSE:-}" ] || plugin
export CHAINDYNO_COMPOSE=${COMPOSE:-docker compose}
$CHAINDYNO_COMPOSE version | head -1
[ "${1:-}" != tool ] || exit 0

# The classic builder is there where its successor is a plugin that is not.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
tools/docker-offline.sh
REVISION=${REVISION:-$(git rev-parse HEAD 2>/dev/null || true)}
export REVISION
$GO test -tags compose -count=1 -timeout 40m -v -run '^TestCompose$' ./cmd/chaindyno
