// Native files go into a folder, which is made; they are named by --name, or else by the file's stem.
// RUN: rm -rf %t
// RUN: foveac %S/stages.mlir --compile-to=object -o %t/objects && ls %t/objects | FileCheck %s --check-prefix=OBJECTS
// RUN: foveac %S/stages.mlir -o %t/archive && ls %t/archive | FileCheck %s --check-prefix=ARCHIVE
// RUN: foveac %S/stages.mlir --compile-to=shared --name=linear -o %t/deep/er && ls %t/deep/er | FileCheck %s --check-prefix=SHARED
// RUN: foveac %S/stages.mlir --inference -o %t/inference && FileCheck %s --check-prefix=INFERENCE <%t/inference/stages.h

// Kernels, host program and runtime, each in an object.
// OBJECTS-DAG: fovea_{{[0-9a-f]+}}.o
// OBJECTS-DAG: runtime.o
// OBJECTS-DAG: stages.h
// OBJECTS-DAG: stages.host.o

// ARCHIVE: stages.a
// ARCHIVE-NEXT: stages.h
// ARCHIVE-NOT: .

// SHARED: linear.h
// SHARED-NEXT: linear.so

// INFERENCE: stages_forward
// INFERENCE-NOT: stages_gradients
