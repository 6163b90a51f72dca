#!/usr/bin/env bash
# recorded.sh OPS_TEST OPS.PY: a suite that was recorded passes on the device, and fails where a result is another.
set -euo pipefail
libraries=$(ldconfig -p)
[[ $libraries == *libOpenCL.so.1* ]] || { echo "SKIP: there is no libOpenCL.so.1"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
OPS_RECORD=$folder "$1" --gtest_filter='OnDevice.Match/SortF32' --gtest_brief=1
python3 "$2" "$folder/SortF32"
OPS_DEVICE_CASES=all OPS_CASE=matmul_rows OPS_RECORD=$folder "$1" --gtest_filter='OnDevice.Match/BatchF32' --gtest_brief=1
python3 "$2" "$folder/BatchF32"
python3 - "$folder/SortF32" <<'EOF'
import json, sys
record = json.load(open(sys.argv[1] + "/record.json"))
output = next(each for each in record["entries"][0]["arguments"] if each["role"] == "output")
with open(sys.argv[1] + "/data.bin", "r+b") as file:
    file.seek(output["offset"])
    file.write(b"\x12\x34\x56\x42")
EOF
if python3 "$2" "$folder/SortF32" >"$folder/said"; then
  echo "a wrong result passed"
  exit 1
fi
grep -q "and should be" "$folder/said"
