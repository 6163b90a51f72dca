// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!x = tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>
!buffer = !fovea.buffer<tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>, <[] -> (4, 1)>>

fovea.state "parameter" @w : tensor<4xf32>

// CHECK: fovea.kernel @scale(%{{.*}} {fovea.strides = #fovea.dims<[] -> (8, 2)>}
// CHECK-SAME: {fovea.in_place = 0 : i64, fovea.strides = #fovea.dims<[] -> (8, 2)>}
// CHECK-SAME: attributes {schedule = #fovea.schedule<"Rn", vector = 8, task = 64>}
fovea.kernel @scale(%x: !x {fovea.strides = #fovea.dims<[] -> (8, 2)>}, %w: tensor<4xf32>)
    -> (!x {fovea.in_place = 0, fovea.strides = #fovea.dims<[] -> (8, 2)>}) attributes {schedule = #fovea.schedule<"Rn", vector = 8, task = 64>} {
  %0 = fovea.mul %x, %w : (!x, tensor<4xf32>) -> !x
  fovea.yield %0 : !x
}

func.func @over_tensors(%x: !x, %w: tensor<4xf32>) -> !x {
  // CHECK: fovea.launch @scale(%{{.*}}, %{{.*}}) : (
  %0 = fovea.launch @scale(%x, %w) : (!x, tensor<4xf32>) -> !x
  return %0 : !x
}

func.func @over_buffers() {
  // CHECK: fovea.arena <[B] -> (B * 64 + 128)> : <tensor<?x4xf32, #fovea.dims<[B] -> (B, 4)>>, <[] -> (4, 1)>>
  %0 = fovea.arena <[B] -> (128 + B * 64)> : !buffer
  // CHECK: fovea.subview %{{.*}} <[] -> (4)> : {{.*}} to <tensor<?x4xf32
  %1 = fovea.subview %0 <[] -> (4)> : !buffer to !buffer
  // CHECK: fovea.state_buffer @w
  %2 = fovea.state_buffer @w : !fovea.buffer<tensor<4xf32>, <[] -> (1)>>
  // CHECK: fovea.launch @scale(%{{.*}}, %{{.*}}) into(%{{.*}})
  fovea.launch @scale(%1, %2) into (%1) : (!buffer, !fovea.buffer<tensor<4xf32>, <[] -> (1)>>, !buffer) -> ()
  return
}
