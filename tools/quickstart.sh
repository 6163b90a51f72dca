#!/usr/bin/env bash
# The main job: installs what is missing, builds Fovea, trains a vision transformer on handwritten digits from compiled
# code, exports it and classifies digits with a small C program. Options go to the training program (see --help there).
#
#   FOVEA_DATA=FOLDER tools/quickstart.sh      with MNIST's four files in FOLDER/mnist; else drawn digits stand in
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=${FOVEA_DATA:+$(cd "$FOVEA_DATA" 2>/dev/null && pwd || echo "$FOVEA_DATA")}
source "$here/tools/build.sh" mnist-train mnist-classify
[ -n "$data" ] && export FOVEA_DATA="$data"

out=out/mnist
build/examples/03-mnist/train --out "$out" "$@" | tee build/train.log
if [ -f "$out/digits.safetensors" ]; then
  echo
  echo "the same model from C, linked with the inference library:"
  build/examples/03-mnist/classify "$out/digits.safetensors" "$out/test-images.idx"
  echo
fi
tail -n 1 build/train.log
