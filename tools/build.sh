#!/usr/bin/env bash
# Sets up, configures and builds everything into build/. Sourced by quickstart.sh and test.sh.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log >&2; fail "configuring failed, see above"; }
echo "building (some minutes the first time)"
cmake --build --preset release ${1:+--target} "$@"
