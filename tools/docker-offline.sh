#!/usr/bin/env bash
# Makes local images with the names that Dockerfile and docker-compose.yml build
# on, where none can be pulled: the Go image from the installed toolchain and
# the modules of go.mod, Redis and Prometheus from Debian's packages. They hold
# the same programs at the same paths, so that the very same files are tested;
# they are no replacement for the public images anywhere else.
# An image of a name that is there already and was not made here is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
label=chaindyno.offline
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT

# wanted IMAGE KEY: is it to be made? KEY says what it would be made from.
wanted() {
	local have
	have=$(docker image inspect --format "{{index .Config.Labels \"$label\"}}x" "$1" 2>/dev/null) || return 0
	case $have in
	"$2x") echo "$1: there already" && return 1 ;;
	x | "<no value>x") echo "$1: there already, and not made here" && return 1 ;;
	esac
}

# import IMAGE KEY FOLDER CHANGE...: makes the image of a folder.
import() {
	local image=$1 key=$2 folder=$3 changes=() change
	shift 3
	for change in "LABEL $label=$key" "$@"; do changes+=(--change "$change"); done
	tar -C "$folder" --owner=0 --group=0 --numeric-owner -c . | docker import "${changes[@]}" - "$image" >/dev/null
	echo "$image: made, $(du -sh "$folder" | cut -f1)"
}

# program FOLDER FROM: puts a program into /bin of a folder, and the libraries
# that it is linked with where its loader looks for them.
program() {
	install -D "$2" "$1/bin/$(basename "$2")"
	local lib
	{ ldd "$2" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r lib; do
		# What was unpacked for this has its place in the image too.
		[ -e "$1/${lib#"$work/debian"}" ] || install -D "$lib" "$1${lib#"$work/debian"}"
	done
}

# image_of SERVICE: the image that docker-compose.yml names for a program.
image_of() { sed -n "s|^ *image: \(.*$1:.*\)|\1|p" docker-compose.yml; }

golang() {
	local version key root=$work/golang file cache
	version=$(sed -n 's/^ARG GO_VERSION=//p' Dockerfile)
	key=$({ $GO version && cat go.sum "$0"; } | sha256sum | cut -c1-16)
	wanted "golang:$version-bookworm" "$key" || return 0
	[ "$($GO env GOVERSION)" = "go$version" ] || echo "note: $($GO env GOVERSION) stands in for go$version"
	for file in sh mkdir cp chmod; do program "$root" "$(command -v $file)"; done
	mkdir -p "$root"/{usr/local/go,go/offline,tmp,etc/ssl/certs,root}
	cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
	tar -C "$($GO env GOROOT)" --exclude=./test --exclude=./api --exclude=./doc --exclude='./src/*/testdata' -c . | tar -x -C "$root/usr/local/go"
	# The module cache as a proxy, so that `go mod download` has something to do.
	cache=$($GO env GOMODCACHE)/cache/download
	{
		$GO mod download -json | sed -n 's/^\t"Zip": "\(.*\)",$/\1/p' | sed "s|^$cache/||"
		# Of what is not needed itself, go still reads what it would need.
		(cd "$cache" && find . -path ./sumdb -prune -o \( -name '*.mod' -o -name '*.info' \) -print)
	} | tar -C "$cache" -c -T - | tar -x -C "$root/go/offline"
	import "golang:$version-bookworm" "$key" "$root" 'ENV PATH=/go/bin:/usr/local/go/bin:/bin' 'ENV GOPATH=/go' 'ENV GOTOOLCHAIN=local' \
		'ENV GOPROXY=file:///go/offline' 'ENV GOSUMDB=off' 'ENV GOFLAGS=-mod=readonly' 'WORKDIR /go'
}

fetch() { (cd "$work/deb" && flock /tmp/apt.lock apt-get download -qq "$@" >/dev/null); }

# unpack PACKAGE...: unpacks Debian packages without installing them, so that
# nothing is started on this machine.
unpack() {
	mkdir -p "$work/deb" "$work/debian"
	chmod 755 "$work"
	[ "$(id -u)" -ne 0 ] || chown _apt "$work/deb"
	# Without lists of packages, those come first.
	fetch "$@" 2>/dev/null || { flock /tmp/apt.lock apt-get update -qq && fetch "$@"; }
	local file
	for file in "$work"/deb/*.deb; do dpkg -x "$file" "$work/debian"; done
	rm -r "$work/deb"
}

redis() {
	local image key=debian-1 root=$work/redis
	image=$(image_of redis)
	wanted "$image" "$key" || return 0
	unpack redis-server redis-tools libjemalloc2 liblua5.1-0 liblzf1 libhiredis0.14 lua-bitop lua-cjson libatomic1
	LD_LIBRARY_PATH=$work/debian/usr/lib/$(uname -m)-linux-gnu program "$root" "$work/debian/usr/bin/redis-server"
	LD_LIBRARY_PATH=$work/debian/usr/lib/$(uname -m)-linux-gnu program "$root" "$work/debian/usr/bin/redis-cli"
	mkdir -p "$root/data"
	import "$image" "$key" "$root" 'ENV PATH=/bin' 'WORKDIR /data' 'CMD ["redis-server"]'
}

prometheus() {
	local image key=debian-1 root=$work/prometheus
	image=$(image_of prometheus)
	wanted "$image" "$key" || return 0
	unpack prometheus
	program "$root" "$work/debian/usr/bin/prometheus"
	program "$root" "$work/debian/usr/bin/promtool"
	mkdir -p "$root"/{etc/prometheus,prometheus,tmp}
	chmod 1777 "$root/tmp" "$root/prometheus"
	import "$image" "$key" "$root" 'ENV PATH=/bin' 'WORKDIR /prometheus' 'ENTRYPOINT ["/bin/prometheus"]'
}

golang
if command -v apt-get >/dev/null; then
	redis
	prometheus
else
	echo "without Debian's packages there is no image of Redis and Prometheus"
fi
