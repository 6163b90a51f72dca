// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

fovea.state "parameter" @s : tensor<4xf32>
fovea.state "parameter" @t : tensor<4xf32>

// An update reads its state only at the element that it writes, so it needs no other buffer. Two states that take the place
// of different arguments need two kernels.
// CHECK: fovea.kernel @[[SECOND:point[a-z_0-9]*]]({{.*}}) -> (tensor<4xf32> {fovea.in_place = 1 : i64})
// CHECK: fovea.kernel @[[FIRST:point[a-z_0-9]*]]({{.*}}) -> (tensor<4xf32> {fovea.in_place = 0 : i64})
// CHECK: fovea.arena = #fovea.dims<[] -> (0)>
// CHECK: fovea.state_buffer @s
// CHECK: fovea.launch @[[SECOND]](%arg0, %{{.*}}) into
// CHECK: fovea.state_buffer @t
// CHECK: fovea.launch @[[FIRST]](%{{.*}}, %arg0) into
func.func @forward(%x: tensor<4xf32>) {
  %s = fovea.load @s : tensor<4xf32>
  %t = fovea.load @t : tensor<4xf32>
  %0 = fovea.sub %x, %s : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  fovea.store %0, @s : tensor<4xf32>
  %1 = fovea.sub %t, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  fovea.store %1, @t : tensor<4xf32>
  return
}
