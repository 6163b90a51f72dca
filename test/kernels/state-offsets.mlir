// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

// In the order of the module, each on a multiple of 64 bytes.
// CHECK: module attributes {{{.*}}fovea.stage = "kernels", fovea.state_bytes = 320 : i64, fovea.target = "x86-64-v3"}
// CHECK: @a : tensor<5xf64> {offset = 0 : i64}
// CHECK: @b : tensor<17xf32> {offset = 64 : i64}
// CHECK: @c : tensor<3xi1> {offset = 192 : i64}
// CHECK: @d : tensor<i64> {offset = 256 : i64}
fovea.state "parameter" @a : tensor<5xf64>
fovea.state "parameter" @b : tensor<17xf32>
fovea.state "parameter" @c : tensor<3xi1>
fovea.state "counter" @d : tensor<i64>
