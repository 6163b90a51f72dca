#!/usr/bin/env bash
# The bench without peers: every workload has its model, what it prints has its form, and mistakes have their messages.
#
#   quick.sh PYTHON BUILD
set -euo pipefail
python=$1 build=$2
bench=("$python" "$(dirname "${BASH_SOURCE[0]}")/bench.py" --build "$build")
fail() { printf 'quick.sh: %s\n' "$*" >&2; exit 1; }

# expect TEXT ARGUMENT...: the bench fails with this message.
expect() {
  local text=$1 message
  shift
  message=$("${bench[@]}" "$@" 2>&1) && fail "succeeded: $*"
  grep -qF -- "$text" <<<"$message" || fail "the message of '$*' is '$message', not '$text'"
}

lines=$("${bench[@]}" gemm/64 --peers= --rounds 2)
printf '%s\n' "$lines"
# shape N PATTERN: line N is of this form.
shape() { sed -n "$1p" <<<"$lines" | grep -qxP "$2" || fail "line $1 is not '$2'"; }
shape 1 '# \S+, 2 threads, peak [1-9]\d* GFLOP/s \(measured\); others take \d+% of the machine'
shape 2 '# without peers.*'
shape 3 'workload\tours \(ms\)\tpeer\tpeer \(ms\)\tspeed-up\tours of peak'
shape 4 'gemm/64\t[\d.e-]+\t-\t-\t-\t\d+\.\d\d'
[ "$(wc -l <<<"$lines")" = 4 ] || fail "there are not four lines"

lines=$("${bench[@]}" gemm/64 --profile)
shape 1 '# gemm/64: [\d.e-]+ ms in 1 launches'
shape 2 'kernel\tlaunches\tms\tpart'
shape 3 'matmul_\S+\t1\t[\d.e-]+\t100.0%'

expect "no workload has 'nowhere' in its path; --list prints them" nowhere
expect "no peer is called 'abacus': there are onnxruntime, openblas, pytorch, torch.compile" gemm/64 --peers abacus
expect "--rounds is 0: it must be at least 1" gemm/64 --rounds 0
written=$("$build/bin/fovea-bench-models" --list | sort)
for model in $("${bench[@]}" --list --models | sort -u | comm -23 - <(printf '%s\n' "$written")); do
  [ -f "$(dirname "${BASH_SOURCE[0]}")/$model.mlir" ] || fail "a workload names the model '$model', which there is not"
done
