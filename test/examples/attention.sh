#!/usr/bin/env bash
# What lesson 2 prints: the loss goes down, a checkpoint continues alike, and nearly all answers are right.
#
#   attention.sh RETRIEVE
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$1" >log || { cat log; exit 1; }
fail() { printf 'attention.sh: %s:\n' "$*" >&2; cat log >&2; exit 1; }
loss() { sed -n "s/^step *$1: loss //p" log | head -n 1; }
awk -v a="$(loss 0)" -v b="$(loss 500)" 'BEGIN { exit !(a > 1 && b < 0.3) }' || fail "the loss does not go down"
grep -q 'the losses are equal' log || fail "the continued run goes another way"
awk '/^accuracy/ { found = $2 } END { exit !(found >= 0.9) }' log || fail "the accuracy is below 0.9"
