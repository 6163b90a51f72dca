// Each stage that is a module can be fed back in: what comes out in the end is the same, byte for byte.
// RUN: rm -rf %t && mkdir %t
// RUN: foveac %S/stages.mlir --target=x86-64-v3 --name=linear --compile-to=object -o %t/at-once
// RUN: foveac %S/stages.mlir --compile-to=model -o %t/model.mlir
// RUN: foveac %t/model.mlir --compile-to=grad -o %t/grad.mlir
// RUN: foveac %t/grad.mlir --compile-to=optimized -o %t/optimized.mlir
// RUN: foveac %t/optimized.mlir --compile-to=kernels --target=x86-64-v3 -o %t/kernels.mlir
// RUN: foveac %t/kernels.mlir --compile-to=kernels -o %t/kernels-again.mlir
// RUN: foveac %t/model.mlir --target=x86-64-v3 --name=linear --compile-to=object -o %t/model
// RUN: foveac %t/grad.mlir --target=x86-64-v3 --name=linear --compile-to=object -o %t/grad
// RUN: foveac %t/optimized.mlir --target=x86-64-v3 --name=linear --compile-to=object -o %t/optimized
// RUN: foveac %t/kernels-again.mlir --name=linear --compile-to=object -o %t/kernels
// RUN: diff -r %t/at-once %t/model
// RUN: diff -r %t/at-once %t/grad
// RUN: diff -r %t/at-once %t/optimized
// RUN: diff -r %t/at-once %t/kernels

// By whichever way a stage is reached, it is the same module, locations apart.
// RUN: foveac %S/stages.mlir --compile-to=kernels --target=x86-64-v3 | grep -v '#loc' >%t/once
// RUN: grep -v '#loc' %t/kernels.mlir >%t/in-steps
// RUN: foveac %t/kernels-again.mlir --compile-to=schedule >%t/schedule
// RUN: foveac %S/stages.mlir --compile-to=schedule --target=x86-64-v3 | diff - %t/schedule
