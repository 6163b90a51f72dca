// RUN: fovea-opt %s -split-input-file -verify-diagnostics -fovea-grad

// expected-error@+1 {{the grad stage needs a function @model: is this module at the model stage?}}
module {
  func.func @forward() { return }
}

// -----

// expected-error@+1 {{must have a body of one block}}
func.func private @model() -> (tensor<f32> {fovea.loss})

// -----

// expected-error@+1 {{has a value of type 'f32': programs are over tensors of up to 2^48 elements, each ? with its #fovea.dims}}
func.func @model(%x: f32) -> f32 {
  return %x : f32
}

// -----

func.func private @f(tensor<f32>) -> tensor<f32>
func.func @model(%x: tensor<f32>) -> tensor<f32> {
  // expected-error@+1 {{cannot be compiled: a function holds fovea's tensor ops and ends with a return}}
  %0 = call @f(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// expected-error@+1 {{the loss is (4) of 'f32': it must be one floating-point number; take its mean or sum}}
func.func @model(%x: tensor<4xf32>) -> (tensor<4xf32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  return %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{the loss is () of 'i32': it must be one floating-point number}}
func.func @model(%x: tensor<i32>) -> (tensor<i32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  return %x : tensor<i32>
}

// -----

// expected-error@+1 {{has a loss but no fovea.optimizer: name the rule that updates the parameters}}
func.func @model(%x: tensor<f32>) -> (tensor<f32> {fovea.loss}) {
  return %x : tensor<f32>
}

// -----

// expected-error@+1 {{the loss is of 'bf16': cast it, or what it is computed from, to f32}}
func.func @model(%x: tensor<bf16>) -> (tensor<bf16> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  return %x : tensor<bf16>
}

// -----

// expected-error@+1 {{is of 'i32': trained parameters are floating-point numbers; others are marked frozen}}
fovea.state "parameter" @w : tensor<i32>
func.func @model(%x: tensor<f32>) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  return %x : tensor<f32>
}

// -----

// expected-error@+1 {{is named 'loss_scale', as a state of the training step is: choose another name}}
fovea.state "parameter" @loss_scale : tensor<f32>
func.func @model(%x: tensor<f32>) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {loss_scale = 1024.0, growth_interval = 1.0}>} {
  return %x : tensor<f32>
}

// -----

// expected-error@+1 {{is named 'step', as a state of the training step is: choose another name}}
fovea.state "parameter" @step : tensor<f32>
func.func @model(%x: tensor<f32>) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  return %x : tensor<f32>
}

// -----

fovea.state "parameter" @w : tensor<2x4xf32>
func.func @model(%x: tensor<5x4xf32>, %i: tensor<2xi64>) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<2x4xf32>
  // expected-error@+1 {{has no gradient rule, but the loss depends on trained parameters through it: freeze them, or combine by assign or add, which have one}}
  %0 = fovea.scatter %x[%i] "maximum" %w {axis = 0} : (tensor<5x4xf32>, tensor<2xi64>, tensor<2x4xf32>) -> tensor<5x4xf32>
  %1 = fovea.sum %0 [0, 1] : (tensor<5x4xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}

// -----

// expected-error@+1 {{argument 0 is of 'i32' but the loss is of 'f32': only inputs of the loss's type have a gradient}}
func.func @model(%x: tensor<i32> {fovea.name = "x", fovea.gradient}) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %0 = fovea.cast %x : tensor<i32> to tensor<f32>
  return %0 : tensor<f32>
}

// -----

// expected-error@+1 {{argument 0 has fovea.gradient but no fovea.name: name it}}
func.func @model(%x: tensor<f32> {fovea.gradient}) -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  return %x : tensor<f32>
}

// -----

// expected-error@+1 {{results 0 and 1 are both marked fovea.loss: add them up into one}}
func.func @model(%x: tensor<f32>) -> (tensor<f32> {fovea.loss}, tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  return %x, %x : tensor<f32>, tensor<f32>
}
