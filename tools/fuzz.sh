#!/usr/bin/env bash
# Runs each fuzz target of the module for FUZZTIME. Targets are found, not
# listed, so that a new decoder is fuzzed from its first commit on.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
FUZZTIME=${FUZZTIME:-5s}

count=0
while read -r package dir; do
	# go test -fuzz takes one target of one package at a time.
	names=$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | sort -u || true)
	for name in $names; do
		echo "fuzz $package $name"
		output=$($GO test -run '^$' -fuzz "^${name}\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 20x "$package" 2>&1 </dev/null) ||
			{ echo "$output"; exit 1; }
		count=$((count + 1))
	done
done < <($GO list -f '{{.ImportPath}} {{.Dir}}' ./...)
echo "fuzzed $count targets for $FUZZTIME each"
