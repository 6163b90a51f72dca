#!/usr/bin/env bash
# Feeds a reader with damaged files, under the sanitizers: builds the fuzz targets and runs one.
#
#   tools/fuzz.sh TARGET [RUNS [SEED]]     TARGET: safetensors, idx, npy, onnx; RUNS: a million by default
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ $# -ge 1 ] || { sed -n '2,4s/^# \?//p' "${BASH_SOURCE[0]}" >&2; exit 1; }
target=$1 runs=${2:-1000000} seed=${3:-1}
source "$here/tools/build.sh" fuzz
exec "$here/test/fuzz/run.sh" build/fuzz "$target" "$runs" "$seed"
