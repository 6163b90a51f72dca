#!/usr/bin/env bash
# The main program of a model file: choosing a model, writing it, and refusing. Usage: main_test.sh PROGRAM
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() { echo "main_test: $*" >&2; exit 1; }

[ "$("$1" --list)" = $'digits\ndigits_attention' ] || fail "--list does not give the two models"
"$1" --model digits --output "$folder/digits.mlir"
grep -q '^module @digits ' "$folder/digits.mlir" || fail "--output did not write the model"
"$1" --model digits_attention > "$folder/attention.mlir"
grep -q 'fovea.name = "attention"' "$folder/attention.mlir" || fail "no output named attention"
if "$1" 2> "$folder/error"; then fail "accepted two models without a choice"; fi
grep -q 'choose one with --model NAME' "$folder/error" || fail "no word on --model"
if "$1" --model cats 2> "$folder/error"; then fail "accepted a model that is not there"; fi
grep -q "there is no model 'cats' here: it must be one of digits, digits_attention" "$folder/error" || fail "names are not listed"
if "$1" --model digits --output /no/such/folder/x 2> "$folder/error"; then fail "wrote into a folder that is not there"; fi
grep -q "^[^:]*/03-mnist/model.cpp:[0-9]*: error: cannot write" "$folder/error" || fail "no word on the folder"
if "$1" --wrong 2> /dev/null; then fail "accepted an unknown argument"; fi
