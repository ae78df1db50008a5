#!/usr/bin/env bash
# Runs each fuzz target of the module for FUZZTIME. Targets are found, not
# listed, so that a new decoder is fuzzed from its first commit on.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
FUZZTIME=${FUZZTIME:-5s}

# fuzz runs one target. It fails for good where an input was found that breaks
# it; Go also fails, with no such input, when a worker is slow to stop at the
# end of the time, and then the target is run again, three times at most.
fuzz() {
	output=$($GO test -run '^$' -fuzz "^$2\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 5x "$1" 2>&1 </dev/null) && return 0
	grep -q 'Failing input written\|--- FAIL: .*/' <<<"$output" && { echo "$output"; exit 1; }
	return 1
}

count=0
while read -r package dir; do
	# go test -fuzz takes one target of one package at a time.
	names=$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | sort -u || true)
	for name in $names; do
		echo "fuzz $package $name"
		count=$((count + 1))
		for _ in 1 2 3 4; do
			fuzz "$package" "$name" && continue 2
		done
		echo "$output"
		exit 1
	done
done < <($GO list -f '{{.ImportPath}} {{.Dir}}' ./...)
echo "fuzzed $count targets for $FUZZTIME each"
