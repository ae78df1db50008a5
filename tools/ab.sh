#!/bin/bash
# Does the instrument see a tenth, and does it see nothing where there is nothing?
# Builds the node three times: a, a copy of it (again), and slow, which gives a
# tenth of its verification throughput away (build tag slowverify). The three take
# turns in one sweep (scenarios/ab.yaml), whose runs are then compared: a with
# again must differ in no metric, and a with slow must come out worse.
#
#   REPEATS=10    runs of each build; 6 is the least that can decide
#   OUT=out/ab    folder for the sweep and the comparisons
#   SWEEP=DIR     only compare the runs of a sweep that was made before
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go} repeats=${REPEATS:-10} out=${OUT:-out/ab}

mkdir -p bin/ab "$out"
"$go" build -trimpath -o bin/ab/a ./cmd/chaindyno
cp bin/ab/a bin/ab/again
"$go" build -trimpath -tags slowverify -o bin/ab/slow ./cmd/chaindyno

sweep=${SWEEP:-}
if [ -z "$sweep" ]; then
	bin/ab/a sweep scenarios/ab.yaml --repeats "$repeats" --out "$out" || [ $? = 3 ]
	sweep=$(ls -dt "$out"/ab-*/ | head -1)
fi

# runs prints the folders of a build's runs; a second attempt has a number behind it.
runs() {
	find "$sweep" -mindepth 1 -maxdepth 1 -type d -regex ".*/[0-9]+-[^/]*binary=bin_ab_$1\(-[0-9]+\)?" | sort
}

# compared judges a build against a, and wants an exit code.
compared() {
	local name=$1 want=$2 code=0
	# shellcheck disable=SC2046 # the names have no blanks
	bin/ab/a compare $(runs a) --with $(runs "$name") --leave-out --out "$sweep/compare-$name" || code=$?
	if [ "$code" != "$want" ]; then
		echo "ab: compared with $name, the exit code is $code and should be $want" >&2
		return 1
	fi
}

failed=0
echo "== a against a copy of itself: nothing may differ"
compared again 0 || failed=1
# No metric may even be better: the verdicts are in the CSV.
if grep -E '(^|,)(better|worse)(,|$)' "$sweep/compare-again/compare.csv"; then
	echo "ab: a build differs from its own copy" >&2
	failed=1
fi
echo "== a against a build with a tenth of the verification throughput taken away: it must be worse"
compared slow 1 || failed=1
exit $failed
