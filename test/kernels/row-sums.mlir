// RUN: fovea-opt %s -fovea-kernels -split-input-file | FileCheck %s

// The sum of a row is computed where it is read.
// CHECK: fovea.kernel @point_0
// CHECK: fovea.sum %{{.*}} [1] {fovea.row, keep = true}
// CHECK: fovea.arena = #fovea.dims<[] -> (0)>
// CHECK: fovea.launch
// CHECK-NOT: fovea.launch
func.func @softmax_gradient(%y: tensor<8x32xf32>, %g: tensor<8x32xf32>) -> tensor<8x32xf32> {
  %0 = fovea.mul %y, %g : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x32xf32>
  %1 = fovea.sum %0 [1] {keep = true} : (tensor<8x32xf32>) -> tensor<8x1xf32>
  %2 = fovea.sub %g, %1 : (tensor<8x32xf32>, tensor<8x1xf32>) -> tensor<8x32xf32>
  %3 = fovea.mul %y, %2 : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x32xf32>
  return %3 : tensor<8x32xf32>
}

// -----

// Two of them, one by way of a value for each row.
// CHECK: fovea.kernel @point_0
// CHECK-COUNT-2: {fovea.row, keep = true}
// CHECK: fovea.launch
// CHECK-NOT: fovea.launch
func.func @two_sums(%x: tensor<8x32xf32>, %g: tensor<8x32xf32>) -> tensor<8x32xf32> {
  %half = fovea.constant dense<5.000000e-01> : tensor<f32>
  %0 = fovea.sum %x [1] {keep = true} : (tensor<8x32xf32>) -> tensor<8x1xf32>
  %1 = fovea.sum %g [1] {keep = true} : (tensor<8x32xf32>) -> tensor<8x1xf32>
  %2 = fovea.mul %0, %half : (tensor<8x1xf32>, tensor<f32>) -> tensor<8x1xf32>
  %3 = fovea.add %x, %2 : (tensor<8x32xf32>, tensor<8x1xf32>) -> tensor<8x32xf32>
  %4 = fovea.mul %3, %1 : (tensor<8x32xf32>, tensor<8x1xf32>) -> tensor<8x32xf32>
  return %4 : tensor<8x32xf32>
}

// -----

// What goes on into an anchor, or comes out of one, is stored: nothing there goes row by row.
// CHECK: fovea.kernel @matmul_0
// CHECK-NOT: fovea.row
// CHECK: fovea.kernel @point_1
// CHECK: fovea.sum %{{.*}} [1] {fovea.row, keep = true}
// CHECK: fovea.kernel @sum_2
// CHECK-NOT: fovea.row
// CHECK-COUNT-3: fovea.launch
func.func @between_anchors(%a: tensor<8x4xf32>, %b: tensor<4x32xf32>) -> tensor<32xf32> {
  %0 = fovea.matmul %a, %b : (tensor<8x4xf32>, tensor<4x32xf32>) -> tensor<8x32xf32>
  %1 = fovea.sum %0 [1] {keep = true} : (tensor<8x32xf32>) -> tensor<8x1xf32>
  %2 = fovea.sub %0, %1 : (tensor<8x32xf32>, tensor<8x1xf32>) -> tensor<8x32xf32>
  %3 = fovea.sum %2 [0] : (tensor<8x32xf32>) -> tensor<32xf32>
  return %3 : tensor<32xf32>
}

// -----

// Read by two ops, it has a kernel of its own.
// CHECK: fovea.kernel @sum_0
// CHECK-NOT: fovea.row
func.func @read_twice(%x: tensor<8x32xf32>) -> (tensor<8x32xf32>, tensor<8x1xf32>) {
  %0 = fovea.sum %x [1] {keep = true} : (tensor<8x32xf32>) -> tensor<8x1xf32>
  %1 = fovea.sub %x, %0 : (tensor<8x32xf32>, tensor<8x1xf32>) -> tensor<8x32xf32>
  return %1, %0 : tensor<8x32xf32>, tensor<8x1xf32>
}

// -----

// Broadcast into what has other rows, it has a kernel of its own, and is no part of what is summed from there.
// CHECK: fovea.kernel @sum_0
// CHECK-NOT: fovea.row
// CHECK: fovea.kernel @sum_1
// CHECK-NOT: fovea.row
// CHECK: fovea.launch
func.func @other_rows(%x: tensor<1x7x3xf32>, %y: tensor<4x17x7x2xf32>) -> tensor<f32> {
  %0 = fovea.sum %x [2] {keep = true} : (tensor<1x7x3xf32>) -> tensor<1x7x1xf32>
  %1 = fovea.div %0, %y : (tensor<1x7x1xf32>, tensor<4x17x7x2xf32>) -> tensor<4x17x7x2xf32>
  %2 = fovea.sum %1 [0, 1, 2, 3] : (tensor<4x17x7x2xf32>) -> tensor<f32>
  return %2 : tensor<f32>
}

// -----

// A softmax, its gradient and a sum of all elements go through the rows together: the sum is one of each row, then that
// of these.
// CHECK: fovea.kernel @softmax_0
// CHECK-SAME: -> (tensor<8x32xf32>, tensor<8x32xf32>, tensor<8x1xf32>)
// CHECK-COUNT-2: {fovea.row, keep = true}
// CHECK: fovea.kernel @sum_1(%{{.*}}: tensor<8xf32>) -> tensor<f32>
// CHECK-COUNT-2: fovea.launch
// CHECK-NOT: fovea.launch
func.func @softmax(%x: tensor<8x32xf32>, %g: tensor<8x32xf32>)
    -> (tensor<8x32xf32>, tensor<f32>, tensor<8x32xf32>) {
  %0 = fovea.softmax %x : tensor<8x32xf32>
  %1 = fovea.mul %0, %g : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x32xf32>
  %2 = fovea.sum %1 [0, 1] : (tensor<8x32xf32>) -> tensor<f32>
  %3 = fovea.mul %g, %0 : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x32xf32>
  %4 = fovea.sum %3 [1] {keep = true} : (tensor<8x32xf32>) -> tensor<8x1xf32>
  %5 = fovea.sub %g, %4 : (tensor<8x32xf32>, tensor<8x1xf32>) -> tensor<8x32xf32>
  %6 = fovea.mul %0, %5 : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x32xf32>
  return %0, %2, %6 : tensor<8x32xf32>, tensor<f32>, tensor<8x32xf32>
}

// -----

// What reads a norm's statistics joins it.
// CHECK: fovea.kernel @layer_norm_0
// CHECK-SAME: -> (tensor<8x32xf32>, tensor<8x32xf32>, tensor<8x1xf32>)
// CHECK: fovea.launch
// CHECK-NOT: fovea.launch
func.func @statistics(%x: tensor<8x32xf32>, %scale: tensor<32xf32>, %bias: tensor<32xf32>)
    -> (tensor<8x32xf32>, tensor<8x32xf32>, tensor<8x1xf32>) {
  %y, %mean, %rstd = fovea.layer_norm %x, %scale, %bias {epsilon = 1.0e-05 : f64}
    : (tensor<8x32xf32>, tensor<32xf32>, tensor<32xf32>) -> (tensor<8x32xf32>, tensor<8x1xf32>, tensor<8x1xf32>)
  %0 = fovea.sub %x, %mean : (tensor<8x32xf32>, tensor<8x1xf32>) -> tensor<8x32xf32>
  return %y, %0, %mean : tensor<8x32xf32>, tensor<8x32xf32>, tensor<8x1xf32>
}

// -----

// A sum of all elements that no rows are gone through for is one of all at once.
// CHECK: fovea.kernel @sum_1(%{{.*}}: tensor<8x32xf32>) -> tensor<f32>
func.func @alone(%x: tensor<8x32xf32>) -> (tensor<8x32xf32>, tensor<f32>) {
  %0 = fovea.gelu %x : tensor<8x32xf32>
  %1 = fovea.sum %0 [0, 1] : (tensor<8x32xf32>) -> tensor<f32>
  return %0, %1 : tensor<8x32xf32>, tensor<f32>
}
