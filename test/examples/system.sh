#!/usr/bin/env bash
# A system of the examples from a user's side: a quick run reaches its bounds and leaves what it should; one that is killed
# in the middle of an epoch and resumed ends in the same bits; the deployed program finds what the trained model found.
#
#   system.sh TRAIN DEPLOY NAME "FIGURE least|most BOUND"... -- [INPUT...]
#
# TRAIN --quick prints lines "FIGURE number". It writes NAME.safetensors, the INPUTs of DEPLOY after it (by default
# inputs.npy), and predictions.txt with the lines "item N: ..." that DEPLOY must print.
set -euo pipefail
train=$1 deploy=$2 name=$3
shift 3
bounds=()
while [ "$1" != -- ]; do bounds+=("$1") && shift; done
inputs=("${@:2}")
[ ${#inputs[@]} -gt 0 ] || inputs=(inputs.npy)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() { printf 'system.sh: %s: %s\n' "$name" "$*" >&2; exit 1; }

# refuses TEXT COMMAND...: the command must fail with exit code 1 and say the text on stderr.
refuses() {
  local text=$1 code=0
  shift
  "$@" >stdout 2>stderr || code=$?
  [ "$code" -eq 1 ] || fail "'$*' ended with $code instead of 1: $(cat stderr)"
  grep -qF -- "$text" stderr || fail "'$*' does not say '$text' but: $(cat stderr)"
}

# Data made by a procedure, and every kernel compiled anew.
unset FOVEA_DATA
export FOVEA_CACHE=$folder/cache

"$train" --quick --out whole >log 2>progress || fail "a quick run fails: $(cat log progress)"
for file in loss.csv metrics.csv events.out.tfevents.fovea run.html run.json result.json predictions.txt \
  "$name.safetensors" "${inputs[@]}"; do
  [ -s "whole/$file" ] || fail "a quick run leaves no $file"
done
[ "$(find whole -name '*.png' | wc -l)" -ge 2 ] || fail "a quick run leaves no curves or no figure"
grep -q 'stand-in' log || fail "the run does not say that its data are a stand-in"
grep -q 'stand-in' whole/result.json || fail "result.json does not say that the data are a stand-in"
reached=
for bound in "${bounds[@]}"; do
  number=${bound##* } relation=${bound% *}
  figure=${relation% *} relation=${relation##* }
  found=$(sed -n "s/^$figure \([-0-9.e+]*\)$/\1/p" log)
  awk -v f="$found" -v b="$number" -v r="$relation" 'BEGIN { exit !(f != "" && (r == "least" ? f + 0 >= b : f + 0 <= b)) }' ||
    fail "'$figure $found' should be at $relation $number"
  reached+="$figure $found, "
done

"$train" --quick --out parts >log 2>&1 &
process=$!
until [ "$(wc -l 2>/dev/null <parts/loss.csv || echo 0)" -gt 3 ] || ! kill -0 $process 2>/dev/null; do sleep 0.01; done
kill -INT $process 2>/dev/null || fail "the run ended before it could be interrupted: $(cat log)"
code=0
wait $process || code=$?
[ "$code" -eq 130 ] || fail "an interrupted run ends with $code instead of 130: $(cat log)"
grep -q 'interrupted: saved' log || fail "the interrupted run does not say that it is saved: $(cat log)"
"$train" --resume --out parts >log 2>&1 || fail "the run does not continue: $(cat log)"
for file in loss.csv metrics.csv result.json predictions.txt "$name.safetensors" "${inputs[@]}" \
  $(cd whole && ls -- *.png); do
  cmp "whole/$file" "parts/$file" || fail "the resumed run ends with another $file"
done

cd whole
"$deploy" "$name.safetensors" "${inputs[@]}" >../deployed 2>&1 || fail "the deployed program fails: $(cat ../deployed)"
cmp <(grep '^item ' ../deployed) predictions.txt || fail "the deployed program finds something else than the trained model"
tail -n 1 ../deployed | grep -qE '^deploy: [0-9]+ KB, started in [0-9.]+ ms, [0-9.]+ ms an image$' ||
  fail "the deployed program does not say its size and times last: $(tail -n 1 ../deployed)"
cd ..
refuses 'none-such not in' "$train" --variant none-such
refuses 'usage: deploy' "$deploy" only-one
refuses 'none.safetensors' "$deploy" none.safetensors "${inputs[@]/#/whole/}"
refuses 'cannot open' "$deploy" "whole/$name.safetensors" "${inputs[@]/#/none-}"
refuses 'is not a NumPy file' "$deploy" "whole/$name.safetensors" "${inputs[@]/*/whole/loss.csv}"
cut=("${inputs[@]/#/whole/}")
head -c -1 "${cut[-1]}" >whole/cut.npy
cut[-1]=whole/cut.npy
refuses 'its size is not that of' "$deploy" "whole/$name.safetensors" "${cut[@]}"
printf '%sresumed alike, %s\n' "$reached" "$(tail -n 1 deployed)"
