#!/usr/bin/env bash
# Installs what is missing, builds Fovea and runs its tests through ctest. --all adds the slow ones; other options go to
# ctest (-L unit, -R name). FOVEA_DATA names the folder with mnist/, cifar10/ and onnx-node/; tests that need it are skipped
# without it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
arguments=(-LE slow) rest=()
for argument in "$@"; do
  [ "$argument" = --all ] && arguments=() || rest+=("$argument")
done
[ -n "${FOVEA_DATA:-}" ] && export FOVEA_DATA="$(cd "$FOVEA_DATA" && pwd)"
source "$here/tools/build.sh"
ctest --test-dir build --output-on-failure -j "$(nproc)" "${arguments[@]}" "${rest[@]}"
