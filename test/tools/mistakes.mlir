// Every mistake on foveac's command line is named, with the way out, and leaves no file.
// RUN: rm -rf %t && mkdir %t && foveac %S/stages.mlir --compile-to=kernels --target=x86-64-v3 -o %t/kernels.mlir && echo text >%t/file
// RUN: not foveac 2>&1 | FileCheck %s --check-prefix=INPUT
// RUN: not foveac %t/none.mlir 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not foveac %S/stages.mlir --compile-to=binary 2>&1 | FileCheck %s --check-prefix=STAGE
// RUN: not foveac %t/kernels.mlir --compile-to=grad 2>&1 | FileCheck %s --check-prefix=LATER
// RUN: not foveac %S/stages.mlir --target=sparc -o %t 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not foveac %S/stages.mlir --target=x86-64+ -o %t 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not foveac %S/stages.mlir --compile-to=kernels --target=x86-64+x86-64-v3 2>&1 | FileCheck %s --check-prefix=SEVERAL
// RUN: not foveac %t/kernels.mlir --target=x86-64 -o %t 2>&1 | FileCheck %s --check-prefix=CUT
// RUN: not foveac %S/stages.mlir --name= -o %t 2>&1 | FileCheck %s --check-prefix=NAMELESS
// RUN: not foveac %S/stages.mlir --name=my-model -o %t 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not foveac %S/stages.mlir --name=while -o %t 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not foveac %S/stages.mlir -o %t/file/here 2>&1 | FileCheck %s --check-prefix=FOLDER
// RUN: not foveac %S/stages.mlir -o %t/file 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: not foveac %S/stages.mlir --compile-to=grad -o %t/none/text.mlir 2>&1 | FileCheck %s --check-prefix=WRITE
// RUN: not foveac %S/stages.mlir --compile-to=grad --report 2>&1 | FileCheck %s --check-prefix=REPORT
// RUN: not foveac %S/stages.mlir --measure -o %t 2>&1 | FileCheck %s --check-prefix=MEASURE
// RUN: not foveac %S/stages.mlir --report --sizes=batch=many -o %t 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not foveac %S/stages.mlir --report --sizes=rows=8 -o %t/out 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not foveac %S/stages.mlir --report --sizes=batch=0 -o %t/out 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not foveac %S/stages.mlir --report --measure -o %t/out 2>&1 | FileCheck %s --check-prefix=SIZELESS
// RUN: not foveac %S/stages.mlir --fly 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: not foveac %s -o %t 2>&1 | FileCheck %s --check-prefix=MODULE
// RUN: not foveac %t/file 2>&1 | FileCheck %s --check-prefix=TEXT
// RUN: ls %t | FileCheck %s --check-prefix=LEFT

// INPUT: foveac: error: no input: give a .mlir or .onnx file, or - for a module on standard input
// NONE: foveac: error: cannot read '{{.*}}none.mlir': No such file or directory
// STAGE: foveac: error: --compile-to='binary' is no stage: it must be one of model, grad, optimized, kernels, schedule, stmt, llvm, asm, ptx, object, archive, shared
// LATER: kernels.mlir' is at stage kernels, which comes after --compile-to=grad: ask for that stage or a later one
// TARGET: foveac: error: target 'sparc': 'sparc' is not known; give host, x86-64
// EMPTY: foveac: error: target 'x86-64+': '' is not known; give host, x86-64
// SEVERAL: foveac: error: --compile-to=kernels writes one module, but --target names 2 targets: give one of them
// CUT: error: was cut into kernels for x86-64-v3, and the target is now 'x86-64': give --target=x86-64-v3, or start from an earlier stage
// NAMELESS: foveac: error: the model's name is empty: give one with --name
// NAME: foveac: error: {{.*}}'my-model' is no C identifier
// WORD: foveac: error: {{.*}}'while' is a word of C
// FOLDER: foveac: error: cannot make the folder '{{.*}}file/here'
// FILE: foveac: error: cannot write into '{{.*}}file': Not a directory
// WRITE: foveac: error: cannot write '{{.*}}none/text.mlir': No such file or directory
// REPORT: foveac: error: --report describes compiled kernels, but --compile-to=grad makes none
// MEASURE: foveac: error: --measure is for the report: give --report as well
// NUMBER: foveac: error: --sizes has 'batch=many': it must be NAME=NUMBER, several joined by ','
// SIZE: foveac: error: --sizes gives 'rows', but the model's sizes are: batch
// ZERO: foveac: error: --sizes gives batch = 0: it must be at least 1
// SIZELESS: foveac: error: the model's sizes are batch, and what runs needs numbers: give --sizes=batch=NUMBER
// OPTION: Unknown command line argument '--fly'
// TEXT: file:1:1: error:

// An op that nobody has.
// MODULE: mistakes.mlir:[[# @LINE + 7]]:3: error:

// LEFT: file
// LEFT-NEXT: kernels.mlir
// LEFT-NOT: {{.}}

module {
  oops
}
