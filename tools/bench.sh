#!/usr/bin/env bash
# Measures what Fovea compiles against its peers, in turns; see test/bench/README.md.
#
#   tools/bench.sh [FILTER] [--threads N] [--rounds N] [--list]     workloads whose path holds FILTER; see --help
#   tools/bench.sh FILTER --profile                                 ours by kernel
#   tools/bench.sh --install-peers                                  PyTorch, ONNX Runtime and OpenBLAS, into build/peers
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
peers=('torch==2.15.0' 'onnxruntime==1.31.1' 'onnx==1.23.2' 'onnxscript==0.7.2' 'numpy==2.4.6') # numpy brings OpenBLAS

if [ "${1:-}" = --install-peers ]; then
  cd "$here"
  [ "$(cat build/peers/ready 2>/dev/null)" = "${peers[*]}" ] && { echo "the peers are installed"; exit; }
  echo "installing ${peers[*]} into build/peers (PyTorch takes 6 GB)"
  mkdir -p build
  if [ ! -f "$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_paths()["include"])')/Python.h" ]; then
    apt-get install -y -qq --no-install-recommends python3-dev >/dev/null # torch.compile's C++ includes it
  fi
  [ -x build/peers/bin/python ] || /usr/bin/python3 -m venv build/peers
  build/peers/bin/pip install --quiet --disable-pip-version-check "${peers[@]}"
  printf '%s' "${peers[*]}" >build/peers/ready
  exit
fi

source "$here/tools/build.sh" foveac fovea-bench-models >&2
python=build/venv/bin/python
[ -f build/peers/ready ] && python=build/peers/bin/python
exec "$python" test/bench/bench.py "$@"
