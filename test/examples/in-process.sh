#!/usr/bin/env bash
# What lesson 6 prints: one unit is too few, the best is loaded again, and a second run finds all code in the cache.
#
#   in-process.sh SEARCH
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export FOVEA_CACHE=$folder/cache
fail() { printf 'in-process.sh: %s:\n' "$*" >&2; cat log >&2; exit 1; }
"$1" >log || fail "it fails"
loss() { sed -n "s/^width *$1, .*: loss //p" log; }
awk -v a="$(loss 1)" -v b="$(loss 4)" 'BEGIN { exit !(a > 0.1 && b < 0.01) }' || fail "wider is not better"
awk '/^at x/ { found = 1; off = $5 - $NF } END { exit !(found && off < 0.1 && off > -0.1) }' log || fail "the curve is another"
grep -Eq '^(4|16|64) weights in the hidden layer' log || fail "a parameter cannot be read"
grep -q "as expected: .*'height' is f32 (batch, 1), and f64 elements are given" log || fail "no error"
mv log first
mkdir empty
PATH=$folder/empty "$1" >log || fail "a second run links again"
cmp -s first log || fail "a second run prints something else"
