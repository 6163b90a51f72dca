#!/usr/bin/env bash
# What lesson 1 prints.
#
#   line.sh FIT
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$1" >log || { cat log; exit 1; }
for text in 'as expected: .*points' 'bytes, compiled for x86-64' 'as expected: .*33' 'step   0: loss' 'step 200: loss 0.0001' \
            'y = 2\.00 x \+ -1\.00' 'at x = 10: 19.0' 'as expected: .*nowhere.safetensors'; do
  grep -qE "$text" log || { printf 'line.sh: no "%s" in:\n' "$text" >&2; cat log >&2; exit 1; }
done
