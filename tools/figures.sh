#!/usr/bin/env bash
# Runs the full trainings of the systems and writes what they reach: examples/figures.jsonl, a line for each run, and their
# table, examples/figures.md.
#
#   tools/figures.sh [SYSTEM...] [--list] [--again] [--threads=N]
#
# Systems are folders of examples/ that have a figures.txt; by default all. Threads change no figure, only the time: beside
# other work, one thread in each of two calls, for different systems, gets more done than two threads that wait for another.
#
# Each line of figures.txt holds the arguments of one run; behind pytorch.py they are those of the system in PyTorch, which
# runs where the peers are installed (tools/bench.sh --install-peers). Runs are in out/figures/SYSTEM/; a finished one is
# not repeated (nor with --again one that has finished here), an interrupted one (by Ctrl-C, or killed) continues from its
# last checkpoint when this is called again.
# Systems take turns, a line of each, so that what matters most of each is there first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD systems=() list=false again=false threads=()
for argument in "$@"; do
  case $argument in
    --list) list=true ;;
    --again) again=true ;;
    --threads=*) threads=("$argument") ;;
    *) systems+=("$argument") ;;
  esac
done
if [ ${#systems[@]} -eq 0 ]; then
  for file in examples/*/figures.txt; do systems+=("$(basename "$(dirname "$file")")"); done
fi
for system in "${systems[@]}"; do
  [ -f "examples/$system/figures.txt" ] || { echo "figures.sh: examples/$system has no figures.txt" >&2; exit 1; }
done

# The name of a run's folder: the values of its settings, but for other runs that it looks at.
name_of() { sed -E 's/--beside [^ ]+//; s/--[a-z-]+ ?//g; s/ +$//; s/[ /]+/-/g' <<<"$1"; }

if $list; then
  for system in "${systems[@]}"; do
    while read -r line; do echo "$system/$(name_of "$line"): train $line"; done <"examples/$system/figures.txt"
  done
  exit
fi

[ -n "${FOVEA_DATA:-}" ] && export FOVEA_DATA="$(cd "$FOVEA_DATA" && pwd)"
source tools/build.sh "${systems[@]/%/-train}" >&2
# collect: the runs that have finished go into the files in examples/.
collect() { flock out/figures/lock build/venv/bin/python tools/figures.py out/figures examples; }

# run_line SYSTEM LINE: the run of these arguments, unless it is finished.
run_line() {
  local system=$1 line=$2 name folder arguments program begin code=0
  name=$(name_of "$line")
  folder=out/figures/$system/$name
  [ -f "$folder/result.json" ] && return
  ! $again && grep -qsF "\"system\": \"$system\", \"run\": \"$name\"," examples/figures.jsonl && return
  mkdir -p "$folder"
  arguments=($line)
  program=("$root/build/examples/$system/train")
  if [ "${arguments[0]}" = pytorch.py ]; then
    [ -f build/peers/ready ] || { echo "figures.sh: $folder needs the peers and is left out" >&2; return 0; }
    program=("$root/build/peers/bin/python" "$root/examples/$system/pytorch.py") arguments=("${arguments[@]:1}")
  elif [ -f "$folder/run.json" ]; then
    arguments=(--resume)
  fi
  arguments+=("${threads[@]}")
  echo "== $folder: ${arguments[*]}" >&2
  begin=$(date +%s)
  (cd "$folder" && "${program[@]}" --out . "${arguments[@]}") >>"$folder/log.txt" || code=$?
  echo $(($(cat "$folder/seconds" 2>/dev/null || echo 0) + $(date +%s) - begin)) >"$folder/seconds"
  [ $code -eq 0 ] || { echo "figures.sh: $folder ended with $code; see log.txt there" >&2; exit $code; }
  collect
}

# SIGTERM to all of this ends the run that saves itself, and then this, once the run's time is noted.
trap : TERM
# The first run of each system, then the second of each, and so on.
for ((number = 1, more = 1; more; ++number)); do
  more=0
  for system in "${systems[@]}"; do
    line=$(sed -n "${number}p" "examples/$system/figures.txt")
    if [ -n "$line" ]; then more=1 && run_line "$system" "$line"; fi
  done
done
collect
