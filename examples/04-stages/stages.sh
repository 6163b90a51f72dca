#!/usr/bin/env bash
# Lesson 4: what the compiler does to a model, one stage after the other. Each line that begins with $ is a command that
# you can type yourself.
#
#   examples/04-stages/stages.sh [BUILD]      the build folder, by default build; leaves its files in BUILD/examples/04-stages/walk
set -euo pipefail
build=$(cd "${1:-$(dirname "$0")/../../build}" && pwd)
export PATH=$build/bin:$PATH
mkdir -p "$build/examples/04-stages/walk"
cd "$build/examples/04-stages/walk"

say() { printf '\n# %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; eval "$*"; }

say 'The model file is a program. It writes what the author wrote: ops on tensors, each with its line in model.cpp.'
run 'block_model --output block.mlir'
run 'grep -m 1 fovea.attention block.mlir'

say 'foveac stops wherever it is asked to. Gradients bring three functions beside forward; rewrites leave fewer ops.'
run 'foveac block.mlir --compile-to=grad -o grad.mlir'
run 'grep func.func grad.mlir | cut -c 1-40'
run 'foveac block.mlir --compile-to=optimized -o optimized.mlir'
run 'grep -c "= fovea" grad.mlir optimized.mlir'

say 'Each stage can be fed back in. At kernels, ops are fused around one anchor each, and buffers have their places.'
run 'foveac optimized.mlir --compile-to=kernels --target=x86-64-v3 -o kernels.mlir'
run 'grep -c "fovea.kernel @" kernels.mlir'

say 'A kernel says how its loops are tiled: rows and columns of a register tile, lanes of a vector, rows of a task.'
run 'grep -o -m 1 "@matmul_[0-9]*(.*" kernels.mlir | grep -o "#fovea.schedule<.*>"'

say 'This is data: change it, and look at the loops that come out. Small letters: these loops are not shared among threads.'
run "sed 's/MN/mn/' kernels.mlir >edited.mlir"
run 'foveac kernels.mlir --compile-to=schedule | grep -c parallel'
run 'foveac edited.mlir --compile-to=schedule | grep -c parallel'

say 'Loops that a kernel does not have are an error.'
run "sed '0,/\"[a-zA-Z]*nmkn\"/s//\"XXX\"/' kernels.mlir >wrong.mlir"
run 'foveac wrong.mlir --name=block -o wrong 2>&1 || echo refused'

say 'Edited or not, the file compiles to a library; the name is otherwise that of the file. The report has the costs.'
run 'foveac edited.mlir --name=block -o edited --report'

say 'Further down there are Halide'"'"'s statements, LLVM and assembly, kernel by kernel.'
run 'foveac kernels.mlir --compile-to=asm -o kernels.asm'
run 'grep -m 1 vfmadd kernels.asm'

say 'Several processors in one library: the best that the machine runs is taken when the model is created.'
run 'foveac block.mlir --target=x86-64+x86-64-v3+x86-64-v4 -o several'

say 'With --checks, kernels check every bound as they run: slower, and for finding mistakes in schedules and lowerings.'
run 'foveac block.mlir --checks -o checked'
run 'ls -s several checked'
