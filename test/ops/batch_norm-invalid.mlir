// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

fovea.state "parameter" @r : tensor<3xf32> {frozen}
func.func @c1(%x: tensor<2x4xf32>, %scale: tensor<3xf32>) {
  // expected-error@+1 {{batch_norm: x (2, 4), scale (3) and bias (3): scale and bias must be vectors of the constant size of x's dimension 1 (c1)}}
  %0 = fovea.batch_norm %x, %scale, %scale running @r, @r {epsilon = 1.0e-5, momentum = 0.1} : (tensor<2x4xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x4xf32>
  return
}

// -----

fovea.state "parameter" @r : tensor<3xf32> {frozen}
func.func @c2_missing(%x: tensor<2x3xf32>, %scale: tensor<3xf32>) {
  // expected-error@+1 {{keeps running statistics in @v: that must be a frozen parameter of type 'tensor<3xf32>' (c2)}}
  %0 = fovea.batch_norm %x, %scale, %scale running @r, @v {epsilon = 1.0e-5, momentum = 0.1} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

fovea.state "parameter" @r : tensor<3xf32>
func.func @c2_trained(%x: tensor<2x3xf32>, %scale: tensor<3xf32>) {
  // expected-error@+1 {{keeps running statistics in @r: that must be a frozen parameter}}
  %0 = fovea.batch_norm %x, %scale, %scale running @r, @r {epsilon = 1.0e-5, momentum = 0.1} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}
