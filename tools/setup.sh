#!/usr/bin/env bash
# Installs what Fovea builds with, where it is missing: Debian packages and a Python venv with Halide, CMake and ONNX's
# file format.
# Sourced by quickstart.sh and test.sh; quick when nothing is missing. Leaves PATH and Halide_ROOT set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(g++ ninja-build ccache git python3 python3-venv
          llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools clang-22 lld-22 libclang-rt-22-dev
          libgtest-dev libgmock-dev libbenchmark-dev libpng-dev libturbojpeg0-dev zlib1g-dev libzip-dev nlohmann-json3-dev libcli11-dev libffi-dev binutils
          protobuf-compiler libprotobuf-dev pocl-opencl-icd ocl-icd-libopencl1)
wheels=('halide==21.0.0' 'cmake>=3.28,<5' numpy)
format='onnx==1.23.2' # only for the .proto in it, so without what it depends on

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

install_packages() {
  local missing=() name
  for name in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "packages are missing (${missing[*]}): run as root, or install sudo"
    as_root=(sudo)
  fi
  echo "setup: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || fail "apt-get update failed: the package lists cannot be read"
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install: ${missing[*]}. Fovea needs Debian 12 with LLVM 22 among its packages"
}

# build/venv/ready holds the list of what was installed; a shorter list is completed.
install_venv() {
  local list="${wheels[*]} $format" pip=(build/venv/bin/pip install --quiet --disable-pip-version-check)
  [ "$(cat build/venv/ready 2>/dev/null)" = "$list" ] && return
  echo "setup: installing $list into build/venv"
  mkdir -p build
  if [ ! -f build/venv/ready ]; then
    rm -rf build/venv
    "$(command -v /usr/bin/python3 || command -v python3)" -m venv build/venv || fail "python3 -m venv failed: is python3-venv installed?"
  fi
  "${pip[@]}" "${wheels[@]}" && "${pip[@]}" --no-deps "$format" ||
    fail "pip could not install $list: is the Python package index reachable?"
  printf '%s' "$list" >build/venv/ready
}

install_packages
install_venv
export PATH="$PWD/build/venv/bin:$PATH"
Halide_ROOT=$(build/venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/halide
export Halide_ROOT
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
