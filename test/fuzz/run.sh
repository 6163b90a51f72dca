#!/usr/bin/env bash
# Runs a fuzz target from its seed files, the same way for the same SEED. Exit code 77 (skipped) where clang++-22, which
# builds the targets, is missing. What breaks a target is kept in FOLDER.
#
#   run.sh FOLDER TARGET RUNS [SEED]
set -euo pipefail
folder=$1 target=$2 runs=$3 seed=${4:-1}
command -v clang++-22 >/dev/null || { echo "SKIP: clang++-22 is missing"; exit 77; }
[ -x "$folder/$target" ] || { echo "run.sh: there is no fuzz target '$target' in $folder" >&2; exit 1; }
corpus=$(mktemp -d)
trap 'rm -rf "$corpus" "$corpus.log"' EXIT
# Inputs of a few kilobytes; no reader may take more than 64 MiB at once for one.
"$folder/$target" -runs="$runs" -seed="$seed" -max_len=4096 -malloc_limit_mb=64 -rss_limit_mb=2048 -timeout=10 \
  -artifact_prefix="$folder/" -print_final_stats=1 "$corpus" "$folder/seeds/$target" 2>"$corpus.log" || { tail -n 100 "$corpus.log" >&2; exit 1; }
grep -E '^(Done|stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb))|DONE' "$corpus.log"
