#!/usr/bin/env bash
# ONNX's own cases in $FOVEA_DATA/onnx-node through fovea-onnx-test: none may fail and nine of ten must pass, or eight with
# an open size; skipped (77) without them.
#
#   conformance.sh FOVEA_ONNX_TEST CACHE [--sample N] [--dynamic]
set -euo pipefail
tool=$1 cache=$2
shift 2
[ -d "${FOVEA_DATA:-}/onnx-node" ] || { echo "SKIP: FOVEA_DATA has no onnx-node"; exit 77; }
# Kernels of an older build would hide a change to a lowering.
own=$cache/$(stat -c %Y "$tool")
mkdir -p "$own"
find "$cache" -mindepth 1 -maxdepth 1 ! -path "$own" -exec rm -rf {} +
"$tool" "$FOVEA_DATA/onnx-node" --cache "$own" "$@" | tee "$own.log"
read -r passed failed unsupported <<<"$(tail -n 1 "$own.log" | tr -dc '0-9 ')"
case " $* " in *" --dynamic "*) floor=8 ;; *) floor=9 ;; esac
[ $((10 * passed)) -ge $((floor * (passed + failed + unsupported))) ] || { echo "fewer than $floor of ten passed"; exit 1; }
