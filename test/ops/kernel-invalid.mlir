// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

// expected-error@+1 {{has 2 anchors: a kernel is built around at most one (c1)}}
fovea.kernel @kernel_c1(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = fovea.softmax %x : tensor<4xf32>
  %1 = fovea.softmax %0 : tensor<4xf32>
  fovea.yield %1 : tensor<4xf32>
}

// -----

// expected-error@+1 {{must end with fovea.yield of its 1 results (c2)}}
fovea.kernel @kernel_c2(%x: tensor<4xf32>) -> tensor<4xf32> {
  fovea.yield
}

// -----

// expected-error@+1 {{has result 0 in place of argument 1, which must exist with the same type and strides (c3)}}
fovea.kernel @kernel_c3_argument(%x: tensor<4xf32>) -> (tensor<4xf32> {fovea.in_place = 1}) {
  fovea.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{has result 0 in place of argument 0, which must exist with the same type and strides (c3)}}
fovea.kernel @kernel_c3_strides(%x: tensor<4xf32> {fovea.strides = #fovea.dims<[] -> (2)>}) -> (tensor<4xf32> {fovea.in_place = 0}) {
  %0 = fovea.exp %x : tensor<4xf32>
  fovea.yield %0 : tensor<4xf32>
}

// -----

// expected-error@+1 {{argument 0 must be a tensor, and its fovea.strides one #fovea.dims size for each dimension (c4)}}
fovea.kernel @kernel_c4_argument(%x: tensor<4x4xf32> {fovea.strides = #fovea.dims<[] -> (1)>}) -> tensor<4x4xf32> {
  %0 = fovea.exp %x : tensor<4x4xf32>
  fovea.yield %0 : tensor<4x4xf32>
}

// -----

// expected-error@+1 {{result 0 must have as fovea.strides one #fovea.dims size for each dimension (c4)}}
fovea.kernel @kernel_c4_result(%x: tensor<4xf32>) -> (tensor<4xf32> {fovea.strides = 1}) {
  %0 = fovea.exp %x : tensor<4xf32>
  fovea.yield %0 : tensor<4xf32>
}

// -----

fovea.kernel @k() -> tensor<f32> {
  %0 = fovea.constant dense<0.0> : tensor<f32>
  fovea.yield %0 : tensor<f32>
}
func.func @launch_c1(%b: !fovea.buffer<tensor<f32>, <[] -> ()>>) {
  // expected-error@+1 {{has both results and buffers to write into: it is over tensors or over buffers (c1)}}
  %0 = fovea.launch @k() into (%b) : (!fovea.buffer<tensor<f32>, <[] -> ()>>) -> tensor<f32>
  return
}

// -----

func.func @launch_c2_name() {
  // expected-error@+1 {{names @launch_c2_name, which is no fovea.kernel of this module (c2)}}
  fovea.launch @launch_c2_name() : () -> ()
  return
}

// -----

fovea.kernel @k() -> tensor<f32> {
  %0 = fovea.constant dense<0.0> : tensor<f32>
  fovea.yield %0 : tensor<f32>
}
func.func @launch_c2_types(%x: tensor<f32>) {
  // expected-error@+1 {{does not fit @k: its types are '() -> tensor<f32>' (c2)}}
  %0 = fovea.launch @k(%x) : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @arena_c1() {
  // expected-error@+1 {{has one offset (c1), not 2}}
  %0 = fovea.arena <[] -> (0, 64)> : !fovea.buffer<tensor<f32>, <[] -> ()>>
  return
}

// -----

func.func @subview_c1(%b: !fovea.buffer<tensor<f32>, <[] -> ()>>) {
  // expected-error@+1 {{has one offset (c1), not 0}}
  %0 = fovea.subview %b <[] -> ()> : !fovea.buffer<tensor<f32>, <[] -> ()>> to !fovea.buffer<tensor<f32>, <[] -> ()>>
  return
}

// -----

fovea.state "parameter" @w : tensor<4xf32>
func.func @state_buffer_c1() {
  // expected-error@+1 {{names @w, which is no fovea.state kept as 'tensor<f32>' (c1)}}
  %0 = fovea.state_buffer @w : !fovea.buffer<tensor<f32>, <[] -> ()>>
  return
}

// -----

// expected-error@+1 {{buffer: a tensor of rank 2 has 1 strides: give one for each dimension}}
func.func @buffer_type(%b: !fovea.buffer<tensor<2x3xf32>, <[] -> (1)>>) {
  return
}
