#!/usr/bin/env bash
# What lesson 4 shows at each stop.
#
#   stages.sh BUILD
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$here/../../examples/04-stages/stages.sh" "$1" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fail() { printf 'stages.sh: %s:\n' "$*" >&2; cat "$log" >&2; exit 1; }
# shown TEXT: some line shows it.
shown() { grep -qE -- "$1" "$log" || fail "nothing shows '$1'"; }
shown '= fovea.attention .*loc\('
shown 'func.func @gradients'
shown '^#fovea.schedule<"[a-zA-Z]*nmkn", rows = '
shown 'error: @matmul_[0-9]+ has loops "XXX", but can have only "\[b\]MN'
shown '^  all launches'
shown '^peak: .* \* batch'
shown 'vfmadd'
shown 'block\.a'
# The edited schedule shares fewer loops.
mapfile -t loops < <(grep -A1 'schedule | grep -c parallel' "$log" | grep -E '^[0-9]+$')
[ "${#loops[@]}" -eq 2 ] && [ "${loops[0]}" -gt "${loops[1]}" ] || fail "an edited schedule changes nothing"
