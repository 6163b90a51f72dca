// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

func.func @matmul_c1(%a: tensor<3xf32>, %b: tensor<3x2xf32>) {
  // expected-error@+1 {{matmul: (3) times (3, 2): both need rank 2 or more (c1)}}
  %0 = fovea.matmul %a, %b : (tensor<3xf32>, tensor<3x2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @matmul_c2(%a: tensor<4x3xf32>, %b: tensor<4x2xf32>) {
  // expected-error@+1 {{matmul: (4, 3) times (4, 2): the sizes summed over are 3 and 4, but must be equal (c2)}}
  %0 = fovea.matmul %a, %b : (tensor<4x3xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @matmul_c2_transposed(%a: tensor<4x3xf32>, %b: tensor<3x2xf32>) {
  // expected-error@+1 {{the sizes summed over are 4 and 3}}
  %0 = fovea.matmul %a, %b {transpose_a = true} : (tensor<4x3xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @matmul_c3(%a: tensor<2x4x3xf32>, %b: tensor<5x3x2xf32>) {
  // expected-error@+1 {{matmul: (2, 4, 3) times (5, 3, 2): the leading dimensions do not broadcast (c3)}}
  %0 = fovea.matmul %a, %b : (tensor<2x4x3xf32>, tensor<5x3x2xf32>) -> tensor<2x4x2xf32>
  return
}

// -----

func.func @conv2d_c1(%x: tensor<2x8x8xf32>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@+1 {{conv2d: image (2, 8, 8) and weight (4, 2, 3, 3): both need rank 4, (n, c, h, w) and (o, c / groups, kh, kw) (c1)}}
  %0 = fovea.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 0, 0>} : (tensor<2x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<4x6x6xf32>
  return
}

// -----

func.func @conv2d_c2(%x: tensor<1x3x8x8xf32>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@+1 {{conv2d: image (1, 3, 8, 8) and weight (4, 2, 3, 3) in 1 groups: the image's channels must be the weight's times the groups, and the groups divide its outputs (c2)}}
  %0 = fovea.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 0, 0>} : (tensor<1x3x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv2d_c3(%x: tensor<1x2x?x8xf32, #fovea.dims<[H] -> (1, 2, H, 8)>>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@+1 {{conv2d: image (1, 2, H, 8) and weight (4, 2, 3, 3): only the batch may have a symbolic size (c3)}}
  %0 = fovea.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 0, 0>} : (tensor<1x2x?x8xf32, #fovea.dims<[H] -> (1, 2, H, 8)>>, tensor<4x2x3x3xf32>) -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv2d_c4_stride(%x: tensor<1x2x8x8xf32>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@+1 {{conv2d: stride [0, 1], padding [0, 0] and dilation [1, 1]: two strides and dilations of at least 1 and two paddings of at least 0 (c4)}}
  %0 = fovea.conv2d %x, %w {stride = array<i64: 0, 1>, padding = array<i64: 0, 0>} : (tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv2d_c4_padding(%x: tensor<1x2x8x8xf32>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@+1 {{conv2d: stride [1, 1], padding [-1] and dilation [1, 1]: two strides and dilations of at least 1 and two paddings of at least 0 (c4)}}
  %0 = fovea.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: -1>} : (tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv2d_c4_huge(%x: tensor<1x2x8x8xf32>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@+1 {{two strides and dilations of at least 1 and two paddings of at least 0}}
  %0 = fovea.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 9223372036854775807, 0>} : (tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv2d_c5(%x: tensor<1x2x2x8xf32>, %w: tensor<4x2x5x3xf32>) {
  // expected-error@+1 {{the kernel is empty, or larger than the padded image (c5)}}
  %0 = fovea.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 1, 1>} : (tensor<1x2x2x8xf32>, tensor<4x2x5x3xf32>) -> tensor<1x4x1x6xf32>
  return
}

// -----

func.func @conv2d_input_grad_c1(%g: tensor<1x4x6x5xf32>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@+1 {{has a cotangent (1, 4, 6, 5) of a conv2d with result (1, 4, 6, 6): they must be equal (c1)}}
  %0 = fovea.conv2d_input_grad %g, %w {stride = array<i64: 1, 1>, padding = array<i64: 0, 0>} : (tensor<1x4x6x5xf32>, tensor<4x2x3x3xf32>) -> tensor<1x2x8x8xf32>
  return
}

// -----

func.func @conv2d_weight_grad_c1(%g: tensor<1x4x6x6xf32>, %x: tensor<1x2x8x8xf32>) {
  // expected-error@+1 {{conv2d: image (1, 2, 8, 8) and weight (4, 3, 3, 3) in 1 groups: the image's channels must be the weight's times the groups, and the groups divide its outputs (c2)}}
  %0 = fovea.conv2d_weight_grad %g, %x {stride = array<i64: 1, 1>, padding = array<i64: 0, 0>} : (tensor<1x4x6x6xf32>, tensor<1x2x8x8xf32>) -> tensor<4x3x3x3xf32>
  return
}

// -----

func.func @conv2d_c2_groups(%x: tensor<1x6x8x8xf32>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@+1 {{in 3 groups: the image's channels must be the weight's times the groups, and the groups divide its outputs (c2)}}
  %0 = fovea.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 0, 0>, groups = 3} : (tensor<1x6x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x6x6xf32>
  return
}
