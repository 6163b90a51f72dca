// Weights of products, what belongs to them and their gradients are kept in panels; elementwise ops work on panels.
// RUN: fovea-opt %s --fovea-pack-parameters=target=x86-64-v3 | FileCheck %s
// RUN: fovea-opt %s --fovea-pack-parameters=target=x86-64-v3 --fovea-kernels=target=x86-64-v3 | FileCheck %s --check-prefix=KERNELS

// CHECK: fovea.state "parameter" @w : tensor<5x48xf32> {panels = #fovea.panels<axis = 1, size = 24>}
// CHECK: fovea.state "gradient" @"gradient/w" : tensor<5x48xf32> {panels = #fovea.panels<axis = 1, size = 24>}
// CHECK: fovea.state "optimizer" @"momentum/w" : tensor<5x48xf32> {panels = #fovea.panels<axis = 1, size = 24>}
fovea.state "parameter" @w : tensor<5x48xf32>
fovea.state "gradient" @"gradient/w" : tensor<5x48xf32>
fovea.state "optimizer" @"momentum/w" : tensor<5x48xf32>
// A convolution's weight as a matrix: panels of its rows, and a gradient in the order that its product gives.
// CHECK: @patch : tensor<16x1x2x2xf32> {panels = #fovea.panels<axis = 0, size = 16>}
// CHECK: @"gradient/patch" : tensor<16x1x2x2xf32>{{$}}
fovea.state "parameter" @patch : tensor<16x1x2x2xf32>
fovea.state "gradient" @"gradient/patch" : tensor<16x1x2x2xf32>
// One column would take the room of eight; what no product reads stays as it is.
// CHECK: @narrow : tensor<5x1xf32>{{$}}
// CHECK: @bias : tensor<48xf32>{{$}}
fovea.state "parameter" @narrow : tensor<5x1xf32>
fovea.state "parameter" @bias : tensor<48xf32>

// CHECK-LABEL: @forward
// CHECK: %[[W:.*]] = fovea.load @w : tensor<2x5x24xf32>
// CHECK: %[[B:.*]] = fovea.unpack %[[W]] <axis = 1, size = 24> : tensor<2x5x24xf32> to tensor<5x48xf32>
// CHECK: fovea.unpack %{{.*}} <axis = 0, size = 16> : tensor<1x4x16xf32> to tensor<16x4xf32>
// CHECK: fovea.matmul %{{.*}}, %[[B]]
func.func @forward(%x: tensor<3x5xf32>, %y: tensor<3x4xf32>) -> (tensor<3x48xf32>, tensor<3x1xf32>, tensor<3x16xf32>) {
  %w = fovea.load @w : tensor<5x48xf32>
  %bias = fovea.load @bias : tensor<48xf32>
  %narrow = fovea.load @narrow : tensor<5x1xf32>
  %patch = fovea.load @patch : tensor<16x1x2x2xf32>
  %rows = fovea.reshape %patch : tensor<16x1x2x2xf32> to tensor<16x4xf32>
  %0 = fovea.matmul %x, %w : (tensor<3x5xf32>, tensor<5x48xf32>) -> tensor<3x48xf32>
  %1 = fovea.add %0, %bias : (tensor<3x48xf32>, tensor<48xf32>) -> tensor<3x48xf32>
  %2 = fovea.matmul %x, %narrow : (tensor<3x5xf32>, tensor<5x1xf32>) -> tensor<3x1xf32>
  %3 = fovea.matmul %y, %rows {transpose_b = true} : (tensor<3x4xf32>, tensor<16x4xf32>) -> tensor<3x16xf32>
  return %1, %2, %3 : tensor<3x48xf32>, tensor<3x1xf32>, tensor<3x16xf32>
}

// The product goes into its panels, one kernel with the sum.
// CHECK-LABEL: @gradients
// CHECK: %[[PRODUCT:.*]] = fovea.matmul
// CHECK: fovea.pack %[[PRODUCT]] <axis = 1, size = 24> : (tensor<5x48xf32>) -> tensor<2x5x24xf32>
// CHECK: fovea.add %{{.*}} : (tensor<2x5x24xf32>, tensor<2x5x24xf32>) -> tensor<2x5x24xf32>
// KERNELS-LABEL: @gradients
// KERNELS: fovea.launch
// KERNELS-NOT: fovea.launch
func.func @gradients(%x: tensor<3x5xf32>, %g: tensor<3x48xf32>) {
  %old = fovea.load @"gradient/w" : tensor<5x48xf32>
  %0 = fovea.matmul %x, %g {transpose_a = true} : (tensor<3x5xf32>, tensor<3x48xf32>) -> tensor<5x48xf32>
  %1 = fovea.add %old, %0 : (tensor<5x48xf32>, tensor<5x48xf32>) -> tensor<5x48xf32>
  fovea.store %1, @"gradient/w" : tensor<5x48xf32>
  return
}

// CHECK-LABEL: @update
// CHECK-NOT: fovea.pack
// CHECK-NOT: fovea.unpack
// CHECK: fovea.sum %{{.*}} : (tensor<2x5x24xf32>) -> tensor<f32>
// CHECK: fovea.max %{{.*}} : (tensor<2x5x24xf32>) -> tensor<f32>
// KERNELS-LABEL: @update
// KERNELS-COUNT-3: fovea.launch
// KERNELS-NOT: fovea.launch
func.func @update(%rate: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %p = fovea.load @w : tensor<5x48xf32>
  %g = fovea.load @"gradient/w" : tensor<5x48xf32>
  %m = fovea.load @"momentum/w" : tensor<5x48xf32>
  %v = fovea.add %m, %g : (tensor<5x48xf32>, tensor<5x48xf32>) -> tensor<5x48xf32>
  %step = fovea.mul %v, %rate : (tensor<5x48xf32>, tensor<f32>) -> tensor<5x48xf32>
  %next = fovea.sub %p, %step : (tensor<5x48xf32>, tensor<5x48xf32>) -> tensor<5x48xf32>
  %zero = fovea.constant dense<0.000000e+00> : tensor<f32>
  %zeros = fovea.broadcast %zero : tensor<f32> to tensor<5x48xf32>
  %square = fovea.mul %g, %g : (tensor<5x48xf32>, tensor<5x48xf32>) -> tensor<5x48xf32>
  %norm = fovea.sum %square [0, 1] : (tensor<5x48xf32>) -> tensor<f32>
  %size = fovea.abs %g : tensor<5x48xf32>
  %largest = fovea.max %size [0, 1] : (tensor<5x48xf32>) -> tensor<f32>
  fovea.store %v, @"momentum/w" : tensor<5x48xf32>
  fovea.store %next, @w : tensor<5x48xf32>
  fovea.store %zeros, @"gradient/w" : tensor<5x48xf32>
  return %norm, %largest : tensor<f32>, tensor<f32>
}

// Register tiles do not fill panels of 17 columns: the product is packed after it is there.
// KERNELS-LABEL: @odd_panels
// KERNELS-COUNT-2: fovea.launch
// KERNELS-NOT: fovea.launch
func.func @odd_panels(%x: tensor<3x5xf32>, %y: tensor<5x51xf32>) -> tensor<3x3x17xf32> {
  %0 = fovea.matmul %x, %y : (tensor<3x5xf32>, tensor<5x51xf32>) -> tensor<3x51xf32>
  %1 = fovea.pack %0 <axis = 1, size = 17> : (tensor<3x51xf32>) -> tensor<3x3x17xf32>
  return %1 : tensor<3x3x17xf32>
}
