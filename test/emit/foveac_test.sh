#!/usr/bin/env bash
# What foveac makes, as users link it: programs of objects, shared libraries and archives, equal bytes, and what is said where
# the linker is missing. Its stages and messages are tested in test/tools.
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

# Objects, a shared library and an archive, as a user links them.
"$foveac" linear.mlir --compile-to=object -o objects
printf '#include "linear.h"\nint main(void) { return !linear_last_error(NULL); }\n' >main.c
cc -Iobjects main.c objects/*.o -pthread -lm -o main && ./main || fail "the objects do not make a program"
"$foveac" linear.mlir --compile-to=shared -o shared
[ "$(nm -D --defined-only shared/linear.so | grep -vc ' linear_')" -eq 0 ] || fail "linear.so exports more than linear_*"

# Equal bytes: cold and warm cache, one thread and two.
"$foveac" linear.mlir --target=x86-64-v3 --cache= --threads=1 -o cold
"$foveac" linear.mlir --target=x86-64-v3 --threads=2 -o warm
"$foveac" linear.mlir --target=x86-64-v3 -o warm
cmp cold/linear.a warm/linear.a || fail "the same model gives other bytes"
"$foveac" linear.mlir --target=x86-64-v3+x86-64-v4 --cache= --threads=1 -o cold
"$foveac" linear.mlir --target=x86-64-v3+x86-64-v4 --cache= --threads=2 -o warm
cmp cold/linear.a warm/linear.a || fail "the same model gives other bytes for two targets"

# Two models in one program, one of them with checks and two targets.
"$foveac" linear.mlir -o .
"$foveac" linear.mlir --name=other --checks --target=x86-64+x86-64-v3 -o .
cc -std=c99 -Wall -Wextra -Wpedantic -Werror -I. "$source/two_models.c" linear.a other.a -pthread -lm -ldl -o two_models
./two_models || fail "two models in one program do not work"

# Without binutils.
printf '#!/bin/sh\nPATH= exec "%s" "$@"\n' "$foveac" >without_tools
chmod +x without_tools
code=0
./without_tools linear.mlir -o nowhere 2>stderr || code=$?
[ "$code" -eq 1 ] && grep -qF "linking needs 'ld', which is not in the PATH: install the package binutils" stderr ||
  fail "without ld foveac ends with $code and says: $(cat stderr)"
[ ! -e nowhere/linear.a ] && [ ! -e nowhere/linear.h ] || fail "a failed link leaves files"
