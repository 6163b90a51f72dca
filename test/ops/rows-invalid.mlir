// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @softmax_c1(%x: tensor<f32>) {
  // expected-error@+1 {{needs a last dimension, but has rank 0 (c1)}}
  %0 = fovea.softmax %x : tensor<f32>
  return
}

// -----

func.func @layer_norm_c1(%x: tensor<3x8xf32>, %scale: tensor<8xf32>, %bias: tensor<1xf32>) {
  // expected-error@+1 {{layer_norm: x (3, 8), scale (8) and bias (1): scale and bias must be vectors of x's last, constant size (c1)}}
  %0, %1, %2 = fovea.layer_norm %x, %scale, %bias {epsilon = 1.0e-5} : (tensor<3x8xf32>, tensor<8xf32>, tensor<1xf32>) -> (tensor<3x8xf32>, tensor<3x1xf32>, tensor<3x1xf32>)
  return
}

// -----

func.func @layer_norm_c1_rank0(%x: tensor<f32>) {
  // expected-error@+1 {{layer_norm: x (), scale () and bias ()}}
  %0, %1, %2 = fovea.layer_norm %x, %x, %x {epsilon = 1.0e-5} : (tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @cross_entropy_c1(%logits: tensor<3x10xf32>, %labels: tensor<4xi32>) {
  // expected-error@+1 {{cross_entropy: logits (3, 10) and labels (4): they must be (rows, classes) and (rows), with a constant number of classes (c1)}}
  %0, %1 = fovea.cross_entropy %logits, %labels : (tensor<3x10xf32>, tensor<4xi32>) -> (tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @cross_entropy_c1_classes(%logits: tensor<3x?xf32, #fovea.dims<[C] -> (3, C)>>, %labels: tensor<3xi32>) {
  // expected-error@+1 {{with a constant number of classes (c1)}}
  %0, %1 = fovea.cross_entropy %logits, %labels : (tensor<3x?xf32, #fovea.dims<[C] -> (3, C)>>, tensor<3xi32>) -> (tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @log_softmax_c1(%x: tensor<f32>) {
  // expected-error@+1 {{needs a last dimension, but has rank 0 (c1)}}
  %0 = fovea.log_softmax %x : tensor<f32>
  return
}

// -----

func.func @log_sum_exp_c1(%x: tensor<f32>) {
  // expected-error@+1 {{log_sum_exp: needs a last dimension, but has rank 0 (c1)}}
  %0 = fovea.log_sum_exp %x : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @cumsum_c1(%x: tensor<f32>) {
  // expected-error@+1 {{needs a last dimension of constant size, but works on () (c1)}}
  %0 = fovea.cumsum %x : tensor<f32>
  return
}

// -----

!x = tensor<3x?xf32, #fovea.dims<[B] -> (3, B)>>
func.func @cumsum_c1_symbol(%x: !x) {
  // expected-error@+1 {{needs a last dimension of constant size, but works on (3, B) (c1)}}
  %0 = fovea.cumsum %x : !x
  return
}

// -----

func.func @rms_norm_c1(%x: tensor<3x8xf32>, %scale: tensor<3xf32>) {
  // expected-error@+1 {{rms_norm: x (3, 8) and scale (3): scale must be a vector of x's last, constant size (c1)}}
  %0, %1 = fovea.rms_norm %x, %scale {epsilon = 1.0e-5} : (tensor<3x8xf32>, tensor<3xf32>) -> (tensor<3x8xf32>, tensor<3x1xf32>)
  return
}
