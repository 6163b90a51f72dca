// RUN: fovea-opt %s -fovea-grad | FileCheck %s

fovea.state "parameter" @w : tensor<f32>
// CHECK-DAG: fovea.state "seed" @seed : tensor<i64>
// CHECK-DAG: fovea.state "counter" @draws : tensor<i64>
// CHECK-DAG: fovea.state "counter" @step : tensor<i64>
// CHECK: func.func private @train_step() attributes {fovea.sequence = [@gradients, @update]}
func.func @model() -> (tensor<f32> {fovea.loss}) attributes {fovea.optimizer = #fovea.optimizer<"sgd", {}>} {
  %w = fovea.load @w : tensor<f32>
  return %w : tensor<f32>
}
