// Both backward parts of the convolution in convolution.cpp, as differentiation makes them, without the forward part.
module @conv_8x64x56x56_backward attributes {fovea.stage = "model"} {
  fovea.state "parameter" @weight : tensor<64x64x3x3xf32>
  func.func @model(%x: tensor<8x64x56x56xf32> {fovea.name = "x"}, %cotangent: tensor<8x64x56x56xf32> {fovea.name = "cotangent"})
      -> (tensor<8x64x56x56xf32> {fovea.name = "gradient_x"}, tensor<64x64x3x3xf32> {fovea.name = "gradient_weight"}) {
    %weight = fovea.load @weight : tensor<64x64x3x3xf32>
    %0 = fovea.conv2d_input_grad %cotangent, %weight {stride = array<i64: 1, 1>, padding = array<i64: 1, 1>} : (tensor<8x64x56x56xf32>, tensor<64x64x3x3xf32>) -> tensor<8x64x56x56xf32>
    %1 = fovea.conv2d_weight_grad %cotangent, %x {stride = array<i64: 1, 1>, padding = array<i64: 1, 1>} : (tensor<8x64x56x56xf32>, tensor<8x64x56x56xf32>) -> tensor<64x64x3x3xf32>
    return %0, %1 : tensor<8x64x56x56xf32>, tensor<64x64x3x3xf32>
  }
}
