// RUN: fovea-opt %s -fovea-kernels | FileCheck %s

// Results are buffers that the caller gives, after the inputs; each is written, even an input or a value returned twice.
// CHECK: func.func @forward(%[[X:.*]]: !fovea.buffer<tensor<4xf32>, {{.*}}> {fovea.name = "x"},
// CHECK-SAME: %[[Y:.*]]: !fovea.buffer<tensor<4xf32>, {{.*}}> {fovea.name = "y", fovea.output},
// CHECK-SAME: %[[Z:.*]]: !fovea.buffer<tensor<4xf32>, {{.*}}> {fovea.output},
// CHECK-SAME: %[[SAME:.*]]: !fovea.buffer<tensor<4xf32>, {{.*}}> {fovea.output})
// CHECK: fovea.launch @{{.*}}(%[[X]]) into(%[[Y]])
// CHECK: fovea.launch @{{.*}}(%[[Y]]) into(%[[Z]])
// CHECK: fovea.launch @{{.*}}(%[[X]]) into(%[[SAME]])
func.func @forward(%x: tensor<4xf32> {fovea.name = "x"}) -> (tensor<4xf32> {fovea.name = "y"}, tensor<4xf32>, tensor<4xf32>) {
  %0 = fovea.softmax %x : tensor<4xf32>
  return %0, %0, %x : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
