#!/usr/bin/env bash
# Regenerates into a copy of the tree and compares, so that the check neither
# touches the work tree nor depends on its being clean.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 tar cf - | tar xf - -C "$copy"
cp -r "$copy" "$copy.before"
trap 'rm -rf "$copy" "$copy.before"' EXIT
(cd "$copy" && ${GO:-go} generate ./...)
if ! diff -r -q "$copy.before" "$copy"; then
	echo "generated files are not current: run 'make generate' and commit the result" >&2
	exit 1
fi
echo "generated files are current"
