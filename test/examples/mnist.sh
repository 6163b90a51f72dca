#!/usr/bin/env bash
# The MNIST example from a user's side: a quick run, an interrupted and resumed one that must end in the same bits, the
# classifier on what was written, and every mistake a user can make with a message and exit code 1.
#
#   mnist.sh TRAIN CLASSIFY [LEAST_ACCURACY]       both programs by absolute path; percent, default 90
set -euo pipefail
train=$1 classify=$2 least=${3:-90}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() { printf 'mnist.sh: %s\n' "$*" >&2; exit 1; }

# refuses TEXT COMMAND...: the command must fail with exit code 1 and say the text on stderr.
refuses() {
  local text=$1 code=0
  shift
  "$@" >stdout 2>stderr || code=$?
  [ "$code" -eq 1 ] || fail "'$*' ended with $code instead of 1: $(cat stderr)"
  grep -qF -- "$text" stderr || fail "'$*' does not say '$text' but: $(cat stderr)"
}

# The drawn digits, whatever the caller's environment names.
unset FOVEA_DATA

"$train" --quick --out whole >log 2>progress || fail "a quick run fails: $(cat log progress)"
for file in loss.csv accuracy.csv loss.png attention.png digits.safetensors run.json test-images.idx test-labels.idx; do
  [ -s "whole/$file" ] || fail "a quick run leaves no $file"
done
grep -q 'drawn by a procedure' log || fail "the run does not say which data it learns from"
grep -q 'epoch 1/3 \[=*\] 100 %' progress || fail "no progress is shown: $(cat progress)"
accuracy=$(tail -n 1 log | sed -n 's/^test accuracy \([0-9.]*\)$/\1/p')
awk -v a="$accuracy" -v l="$least" 'BEGIN { exit !(a != "" && a >= l) }' || fail "accuracy '$accuracy' is below $least"

# Interrupted once the first rows are logged, so in the middle of an epoch.
"$train" --quick --out parts >log 2>&1 &
process=$!
until [ "$(wc -l 2>/dev/null <parts/loss.csv || echo 0)" -gt 20 ] || ! kill -0 $process 2>/dev/null; do sleep 0.01; done
kill -INT $process 2>/dev/null || fail "the run ended before it could be interrupted: $(cat log)"
code=0
wait $process || code=$?
[ "$code" -eq 130 ] || fail "an interrupted run ends with $code instead of 130: $(cat log)"
grep -q 'interrupted: saved; continue with --resume --out parts' log || fail "no word on how to continue: $(cat log)"
"$train" --resume --out parts >log 2>&1 || fail "the run does not continue: $(cat log)"
for file in loss.csv accuracy.csv digits.safetensors run.json attention.png; do
  cmp "whole/$file" "parts/$file" || fail "the resumed run ends with another $file"
done

"$classify" whole/digits.safetensors whole/test-images.idx >log || fail "the classifier fails"
[ "$(grep -cE '^image [0-9]+: [0-9] \([0-9.]+ %\)$' log)" -eq 16 ] || fail "not 16 results: $(cat log)"
grep -qE '^first result after [0-9.]+ ms$' log || fail "no time to the first result: $(cat log)"
right=$(paste <(sed -n 's/^image [0-9]*: \([0-9]\).*/\1/p' log) \
              <(tail -c 16 whole/test-labels.idx | od -An -v -tu1 -w1 | tr -d ' ') | awk '$1 == $2' | wc -l)
[ "$right" -ge 12 ] || fail "only $right of 16 digits are classified right: $(cat log)"

touch file
refuses 'cannot make this folder' "$train" --out file/below
refuses 'is not a folder' "$train" --data nowhere
refuses 'holds neither train-images-idx3-ubyte' "$train" --data .
refuses 'holds no run.json' "$train" --resume --out empty
refuses 'excludes' "$train" --resume --batch 3 --out parts
refuses 'must be a number above zero' "$train" --batch 0
refuses 'not expected' "$train" --speed 3
refuses 'no longer finite' "$train" --quick --rate 1e30 --out diverged

refuses 'usage: classify' "$classify" only-one
refuses 'none.safetensors' "$classify" none.safetensors whole/test-images.idx
refuses 'none.idx: cannot open' "$classify" whole/digits.safetensors none.idx
refuses 'is not an uncompressed IDX file of images' "$classify" whole/digits.safetensors whole/test-labels.idx
head -c 1000 whole/test-images.idx >cut.idx
refuses 'promises 16 images, but ends within number 1' "$classify" whole/digits.safetensors cut.idx
cat whole/test-images.idx file whole/test-labels.idx >long.idx
refuses 'promises 16 images, but more bytes follow' "$classify" whole/digits.safetensors long.idx
printf '\0\0\10\3\0\0\0\1\0\0\0\4\0\0\0\5' >small.idx
refuses 'holds images of 4 x 5 pixels, but the model takes 28 x 28' "$classify" whole/digits.safetensors small.idx
printf 'accuracy %s, resumed alike, %s of 16 classified right\n' "$accuracy" "$right"
