module @lin attributes {fovea.stage = "model"} {
  fovea.state "parameter" @w : tensor<784x10xf32> {b = 0.05, initializer = "normal", decay}
  fovea.state "parameter" @b : tensor<10xf32>
  func.func @model(%x: tensor<?x784xf32, #fovea.dims<[batch] -> (batch, 784)>> {fovea.name = "image"}, %label: tensor<?xi32, #fovea.dims<[batch] -> (batch)>> {fovea.name = "label"}) -> (tensor<?x10xf32, #fovea.dims<[batch] -> (batch, 10)>> {fovea.name = "logits"}, tensor<f32> {fovea.name = "loss", fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {momentum = 0.9, clip_norm = 1.0}>} {
    %w = fovea.load @w : tensor<784x10xf32>
    %b = fovea.load @b : tensor<10xf32>
    %0 = fovea.matmul %x, %w : (tensor<?x784xf32, #fovea.dims<[batch] -> (batch, 784)>>, tensor<784x10xf32>) -> tensor<?x10xf32, #fovea.dims<[batch] -> (batch, 10)>>
    %1 = fovea.add %0, %b : (tensor<?x10xf32, #fovea.dims<[batch] -> (batch, 10)>>, tensor<10xf32>) -> tensor<?x10xf32, #fovea.dims<[batch] -> (batch, 10)>>
    %loss, %lse = fovea.cross_entropy %1, %label : (tensor<?x10xf32, #fovea.dims<[batch] -> (batch, 10)>>, tensor<?xi32, #fovea.dims<[batch] -> (batch)>>) -> (tensor<?xf32, #fovea.dims<[batch] -> (batch)>>, tensor<?xf32, #fovea.dims<[batch] -> (batch)>>)
    %sum = fovea.sum %loss [0] : (tensor<?xf32, #fovea.dims<[batch] -> (batch)>>) -> tensor<f32>
    %n = fovea.size <[batch] -> (batch)> : tensor<f32>
    %mean = fovea.div %sum, %n : (tensor<f32>, tensor<f32>) -> tensor<f32>
    return %1, %mean : tensor<?x10xf32, #fovea.dims<[batch] -> (batch, 10)>>, tensor<f32>
  }
}
