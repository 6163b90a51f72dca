#!/usr/bin/env bash
# foveac from a user's side: every stage, what can be fed back in, equal bytes, and every mistake with a message and exit code 1.
#
#   foveac_test.sh FOVEAC
set -euo pipefail
foveac=$1 source=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cp "$source/linear.mlir" .
export FOVEA_CACHE=$folder/cache

fail() { printf 'foveac_test.sh: %s\n' "$*" >&2; exit 1; }

# refuses TEXT ARGUMENT...: foveac must fail with exit code 1 and say the text on stderr.
refuses() {
  local text=$1 code=0
  shift
  "$foveac" "$@" >stdout 2>stderr || code=$?
  [ "$code" -eq 1 ] || fail "foveac $* ended with $code instead of 1: $(cat stderr)"
  grep -qF -- "$text" stderr || fail "foveac $* does not say '$text' but: $(cat stderr)"
}

# Every stage, and modules fed back in.
before=linear.mlir
for stage in model grad optimized kernels; do
  "$foveac" $before --compile-to=$stage --target=x86-64-v3 -o $stage.mlir || fail "$stage fails"
  "$foveac" linear.mlir --compile-to=$stage --target=x86-64-v3 | grep -v loc >once || true
  grep -v loc $stage.mlir >twice || true
  cmp once twice || fail "$stage differs when it is reached by way of $before"
  before=$stage.mlir
done
for stage in schedule stmt llvm asm; do
  "$foveac" kernels.mlir --compile-to=$stage -o $stage.txt || fail "$stage fails"
  [ "$(grep -c '^// .* for x86-64-v3, #fovea.schedule' $stage.txt)" -eq "$(grep -c 'fovea.kernel @' kernels.mlir)" ] ||
    fail "$stage does not show each kernel"
done
"$foveac" kernels.mlir --compile-to=object --name=linear -o objects
[ -s objects/linear.host.o ] && [ -s objects/linear.h ] || fail "object leaves no host program or header"
printf '#include "linear.h"\nint main(void) { return !linear_last_error(NULL); }\n' >main.c
cc -Iobjects main.c objects/*.o -pthread -lm -o main && ./main || fail "the objects do not make a program"
"$foveac" linear.mlir --compile-to=shared -o shared
[ "$(nm -D --defined-only shared/linear.so | grep -vc ' linear_')" -eq 0 ] || fail "linear.so exports more than linear_*"
"$foveac" linear.mlir --report -o report >report.txt
grep -q '^peak: .* \* batch' report.txt || fail "the report shows no peak: $(cat report.txt)"

# Equal bytes: cold and warm cache, one thread and two, any stage that it starts from.
"$foveac" linear.mlir --target=x86-64-v3 --cache= --threads=1 -o cold
"$foveac" linear.mlir --target=x86-64-v3 --threads=2 -o warm
"$foveac" linear.mlir --target=x86-64-v3 -o warm
"$foveac" kernels.mlir --name=linear -o kernels
cmp cold/linear.a warm/linear.a && cmp cold/linear.a kernels/linear.a || fail "the same model gives other bytes"

# Two models in one program, one of them with checks and two targets.
"$foveac" linear.mlir -o .
"$foveac" linear.mlir --name=other --checks --target=x86-64+x86-64-v3 -o .
cc -std=c99 -Wall -Wextra -Wpedantic -Werror -I. "$source/two_models.c" linear.a other.a -pthread -lm -ldl -o two_models
./two_models || fail "two models in one program do not work"

# Mistakes.
echo 'module { oops }' >broken.mlir
echo text >file
refuses 'broken.mlir:1:10: error:' broken.mlir
refuses "cannot read 'none.mlir': No such file" none.mlir
refuses 'no input' --checks
refuses "is no stage: it must be one of model, grad" linear.mlir --compile-to=binary
refuses "'kernels.mlir' is at stage kernels, which comes after --compile-to=grad" kernels.mlir --compile-to=grad
refuses 'was cut into kernels for x86-64-v3' kernels.mlir --target=x86-64 --name=linear
refuses "target 'sparc'" linear.mlir --target=sparc
refuses 'names 2 targets: give one of them' linear.mlir --compile-to=kernels --target=x86-64+x86-64-v3
refuses "the model's name is empty" linear.mlir --name=
refuses "'my-model' is no C identifier" linear.mlir --name=my-model
refuses "cannot make the folder 'file/here'" linear.mlir -o file/here
refuses "cannot write 'none/text.mlir': No such file" linear.mlir --compile-to=grad -o none/text.mlir
refuses '--report describes compiled kernels' linear.mlir --compile-to=grad --report
printf '#!/bin/sh\nPATH= exec "%s" "$@"\n' "$foveac" >without_tools
chmod +x without_tools
foveac=./without_tools refuses "linking needs 'ld', which is not in the PATH: install the package binutils" linear.mlir -o nowhere
[ ! -e nowhere/linear.a ] && [ ! -e nowhere/linear.h ] || fail "a failed link leaves files"
