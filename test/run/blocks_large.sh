#!/bin/sh
# One training step of ResNet-101 with self-attention, on images of 224 by 224, against PyTorch's, which is computed here.
# usage: blocks_large.sh BUILD    Exits with 77 where the peers are not installed.
set -e
build=$1
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT
python3 "$(dirname "$0")/blocks.py" "$build" --large "$figures"
BLOCKS_FILE=$figures "$build/bin/blocks_test" --gtest_filter='Blocks.*'
