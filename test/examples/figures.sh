#!/usr/bin/env bash
# What tools/figures.py makes of runs: a line for each, a row for the seeds of one setting, and what was there before.
#
#   figures.sh FIGURES.PY
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/examples"
# result SYSTEM RUN SEED ACCURACY
result() {
  mkdir -p "$folder/runs/$1/$2"
  printf '{"settings": {"rate": "0.1", "seed": "%s", "variant": "clean"}, "data": "MNIST", "parameters": 1234, "figures": {"accuracy": %s}}' \
    "$3" "$4" >"$folder/runs/$1/$2/result.json"
  echo 90 >"$folder/runs/$1/$2/seconds"
}
# expect TEXT: the table has this line.
expect() { grep -qxF -- "$1" "$folder/examples/figures.md" || { printf 'figures.sh: no line "%s" in:\n' "$1"; cat "$folder/examples/figures.md"; exit 1; } >&2; }
collect() { python3 "$1" "$folder/runs" "$folder/examples"; }

result a-system clean-1 1 90
touch "$folder/runs/lock"
mkdir -p "$folder/runs/a-system/unfinished"
collect "$1"
expect "| clean | 1,234 | 1 | 90.0000 | 1.5 |"
rm -r "$folder/runs"
result a-system clean-2 2 92
collect "$1"
expect "| clean | 1,234 | 1, 2 | 91.0000 (90.0000 to 92.0000) | 1.5 |"
result a-system pytorch.py-clean-1 1 93
result a-system clean-2 2 94
collect "$1"
expect "| clean | 1,234 | 1, 2 | 92.0000 (90.0000 to 94.0000) | 1.5 |"
expect "| clean (PyTorch) | 1,234 | 1 | 93.0000 | 1.5 |"
expect "MNIST. rate 0.1."
[ "$(wc -l <"$folder/examples/figures.jsonl")" = 3 ] || { echo "figures.sh: there are not three runs" >&2; exit 1; }
