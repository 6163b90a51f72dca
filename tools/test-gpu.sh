#!/usr/bin/env bash
# Tests and measures on a machine with a CUDA device, which needs the driver, Python and nothing of the compiler.
#
#   tools/test-gpu.sh --prepare   on a machine that builds: writes build/gpu.tar.xz
#   tools/test-gpu.sh             on the machine with the GPU, in under eight minutes
#
# What to carry: build/gpu.tar.xz, this file, test/gpu/ops.py, and of test/bench alignment.py, gpu.py, library.py, reference.py,
# workloads.py.
#
# It runs the op table on the device against what a processor gave, trains three models beside the processor, twice for the same
# bits, looks at memory and races with compute-sanitizer where that is installed, and measures against PyTorch and cuBLAS where PyTorch is.
# Exits with 77 where there is no driver or no device.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=cuda-sm80 folder=build/gpu
models=(gemm_4096 mnist vit_tiny attention_T4096)

# record CASES SUITE...: results of a processor, and the libraries that must give them.
record() {
  local cases=$1 filter suite
  shift
  for suite in "$@"; do filter+="OnDevice.Match/$suite:"; done
  OPS_DEVICE=$target OPS_DEVICE_CASES=$cases OPS_RECORD=$folder/ops build/bin/ops_test --gtest_filter="$filter" --gtest_brief=1
}

prepare() {
  set -e
  source tools/setup.sh
  cmake --preset release >build/configure.log
  cmake --build --preset release --target foveac ops_test device_test fovea-bench-models
  rm -rf "$folder"
  mkdir -p "$folder/bench"
  # All cases of what compiles fast, some of the rest, and products of bf16 matrices, which are for tensor cores.
  record all ElementwiseF32 SpecialValuesF32 ActivationsF32 NormsF32 SortF32 EmptyF32 RandomF32 DropoutF32 PositionsF32
  record sample ViewsF32 ReduceF32 ContractionF32 RowsF32 AttentionF32 GatherF32 WindowsF32
  OPS_CASE=matmul record all ContractionBF16 BatchF32
  for model in "${models[@]}"; do
    build/bin/fovea-bench-models --model "$model" --output "$folder/bench/$model.mlir"
    build/bin/foveac "$folder/bench/$model.mlir" --target=$target --compile-to=shared -o "$folder/bench"
  done
  cp build/bin/device_test "$folder"
  tar -C build -cJf build/gpu.tar.xz gpu
  ls -l build/gpu.tar.xz
}

# The number of CUDA devices, or why there is none.
devices() {
  python3 - <<'EOF'
import ctypes
try:
    driver = ctypes.CDLL("libcuda.so.1")
except OSError as error:
    raise SystemExit(f"there is no CUDA driver on this machine ({error})")
count = ctypes.c_int()
if error := driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
    raise SystemExit(f"the CUDA driver fails with error {error}")
if not count.value:
    raise SystemExit("the CUDA driver has no device")
name = ctypes.create_string_buffer(64)
driver.cuDeviceGetName(name, 64, 0)
print(name.value.decode())
EOF
}

summary=() failed=0
# part NAME SECONDS COMMAND...: runs it, and keeps how it ended.
part() {
  local name=$1 limit=$2 begin=$SECONDS code
  shift 2
  echo "== $name"
  timeout "$limit" "$@"
  code=$?
  case $code in
  0) summary+=("$name: passed in $((SECONDS - begin)) s") ;;
  77) summary+=("$name: skipped") ;;
  *) summary+=("$name: FAILED ($code) after $((SECONDS - begin)) s") failed=1 ;;
  esac
}

[ "${1:-}" = --prepare ] && { prepare; exit; }
why=$(devices 2>&1) || { echo "test-gpu: SKIP: $why"; exit 77; }
echo "device: $why"
[ -d "$folder" ] || tar -C build -xJf build/gpu.tar.xz || { echo "test-gpu: build/gpu.tar.xz is missing: make it with tools/test-gpu.sh --prepare"; exit 1; }

part "op table" 120 python3 test/gpu/ops.py "$folder"/ops/*
part "training" 120 env FOVEA_DEVICE_TARGET=$target "$folder/device_test" --gtest_brief=1
if sanitizer=$(PATH=$PATH:/usr/local/cuda/bin command -v compute-sanitizer); then
  part "memory" 60 "$sanitizer" --tool memcheck --error-exitcode 1 python3 test/gpu/ops.py "$folder"/ops/{RowsF32,SortF32}
  part "races" 60 "$sanitizer" --tool racecheck --error-exitcode 1 python3 test/gpu/ops.py "$folder"/ops/NormsF32
else
  summary+=("compute-sanitizer: skipped, it is not installed")
fi
part "bench" 90 python3 test/bench/gpu.py "$folder/bench"

echo "== summary"
printf '%s\n' "${summary[@]}"
exit $failed
