// RUN: fovea-opt %s -allow-unregistered-dialect | FileCheck %s
// #fovea.dims is always in normal form, so that equal sizes are equal attributes.

// CHECK: sums = #fovea.dims<[B, N] -> (B * 5 + N, B * 5 + N)>
"test.op"() {sums = #fovea.dims<[N, B] -> (N + B * 5, 5 * B + N)>} : () -> ()
// CHECK: collected = #fovea.dims<[B] -> (B * 6 + 3)>
"test.op"() {collected = #fovea.dims<[B] -> (B * 2 + 1 + 2 + B * 4)>} : () -> ()
// CHECK: unused = #fovea.dims<[B] -> (B)>
"test.op"() {unused = #fovea.dims<[A, B, C] -> (B)>} : () -> ()
// CHECK: constants = #fovea.dims<[] -> (12, 3)>
"test.op"() {constants = #fovea.dims<[B] -> (3 * 4, 7 floordiv 2)>} : () -> ()
// CHECK: empty = #fovea.dims<[] -> ()>
"test.op"() {empty = #fovea.dims<[] -> ()>} : () -> ()
// CHECK: division = #fovea.dims<[B] -> ((B + 7) floordiv 8, B ceildiv 8, B mod 8, B * 2)>
"test.op"() {division = #fovea.dims<[B] -> ((7 + B) floordiv 8, B ceildiv 8, B mod 8, B * 8 floordiv 4)>} : () -> ()

// Two spellings of one type.
// CHECK: @types
func.func @types(%x: tensor<?xf32, #fovea.dims<[N, B] -> (N * B + 1)>>) -> tensor<?xf32, #fovea.dims<[B, N] -> (1 + B * N)>> {
  return %x : tensor<?xf32, #fovea.dims<[B, N] -> (B * N + 1)>>
}
