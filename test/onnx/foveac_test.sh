#!/usr/bin/env bash
# foveac on ONNX files: every kind of stage, the weights beside native files, and bad files, which leave nothing. Then
# fovea-onnx-test's own messages.
#
#   foveac_test.sh FOVEAC FOVEA_ONNX_TEST WRITE_MODEL
set -euo pipefail
foveac=$1 conformance=$2 write_model=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export FOVEA_CACHE=$folder/cache
"$write_model" .

fail() { printf 'foveac_test.sh: %s\n' "$*" >&2; exit 1; }
# says TEXT COMMAND...: the command ends with 1 and says so.
says() {
  local text=$1 code=0
  shift
  "$@" >stdout 2>stderr || code=$?
  [ "$code" -eq 1 ] || fail "$* ends with $code: $(cat stdout stderr)"
  grep -qF -e "$text" stderr || fail "$* does not say '$text' but: $(cat stderr)"
}

for stage in model grad optimized kernels schedule stmt; do
  "$foveac" layer.onnx --compile-to="$stage" >"$stage" || fail "$stage cannot be made"
done
grep -q 'fovea.state "parameter" @w : tensor<17x3xf32>' model || fail "the weight is no parameter: $(cat model)"
"$foveac" model --compile-to=kernels >again || fail "the printed model does not feed back in"

"$foveac" layer.onnx --name=net -o native
[ "$(ls native | tr '\n' ' ')" = "net.a net.h net.safetensors " ] || fail "native files are $(ls native)"
cat >main.c <<'C'
#include "net.h"
#include <stdio.h>
int main(void) {
  net_options options = NET_OPTIONS_DEFAULT;
  options.sizes.batch = 2;
  net *model = net_create(&options);
  float x[34], y[6];
  for (int i = 0; i < 34; ++i) x[i] = i < 17 ? 1 : -1;
  if (!model || net_load(model, "native/net.safetensors") || net_forward(model, 2, x, y)) return puts(net_last_error(model)), 1;
  return y[0] == 8.5f && y[3] == 0 ? 0 : 2;
}
C
cc -Inative main.c native/net.a -pthread -lm -o main && ./main || fail "the compiled layer is wrong"

head -c 40 layer.onnx >cut.onnx
says "cut.onnx: is no ONNX model, or is damaged or cut off" "$foveac" cut.onnx -o bad
says "none.onnx: cannot open: No such file" "$foveac" none.onnx -o bad
says "bad.onnx: node 'the_Nonsense' (Nonsense), Nonsense-22: this op is not supported" "$foveac" bad.onnx -o bad
says "foveac: error: bad.onnx: node 'the_Bogus' (Bogus), Bogus-22: this op is not supported" "$foveac" bad.onnx -o bad
says "'while' is a word of C" "$foveac" while.onnx -o bad
[ ! -e bad ] || fail "bad files leave $(ls bad)"

mkdir cases empty
says "no case passed" "$conformance" empty
says "'gone' is no folder" "$conformance" gone
says "--filter='[' is no regular expression" "$conformance" empty --filter '['
mkdir -p cases/one
cp layer.onnx cases/one/model.onnx
says "no case passed" "$conformance" cases
grep -q '^failed one: has no test_data_set_0$' stdout || fail "a case without data: $(cat stdout)"
grep -q '^passed 0, failed 1, unsupported 0$' stdout || fail "the totals are: $(cat stdout)"

"$conformance" dynamic >stdout && fail "a wrong case passes"
grep -q '^passed 2, failed 1, unsupported 0$' stdout || fail "with sizes as they are: $(cat stdout)"
"$conformance" dynamic --dynamic >stdout && fail "a wrong case passes with open sizes"
grep -q '^passed 1, failed 1, unsupported 1$' stdout || fail "with open sizes: $(cat stdout)"
grep -q "^failed wrong: output 'y' is off by" stdout || fail "the wrong case: $(cat stdout)"
grep -q "^unsupported turned: with 'x' of open size: .*it cuts an axis of open size" stdout || fail "the turned rows: $(cat stdout)"
"$conformance" --help | grep -q -e '--dynamic .*leading size of inputs open' || fail "--help does not say what --dynamic is"
