#!/usr/bin/env bash
# ptxas.sh OPS_TEST PTXAS.PY FOVEAC: what ptxas says of every kernel of the op table, in all precisions.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
OPS_MODELS=$folder OPS_DEVICE=cuda-sm80 OPS_DEVICE_CASES=all "$1" --gtest_filter='OnDevice.*' --gtest_brief=1 >/dev/null
python3 "$2" --foveac "$3" --kinds --targets cuda-sm80 --capabilities 80,90 "$folder"/*.mlir
