// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

// expected-error@+1 {{has role 'weight': it must be parameter, gradient, optimizer, seed or counter (c1)}}
fovea.state "weight" @state_c1 : tensor<4xf32>

// -----

// expected-error@+1 {{has initializer 'xavier': it must be constant, normal, truncated_normal or uniform (c2)}}
fovea.state "parameter" @state_c2 : tensor<4xf32> {initializer = "xavier"}

// -----

// expected-error@+1 {{has shape (B): state must have constant sizes (c3)}}
fovea.state "parameter" @state_c3 : tensor<?xf32, #fovea.dims<[B] -> (B)>>

// -----

func.func @load_c1_name() {
  // expected-error@+1 {{names @load_c1_name, which is no fovea.state of this module (c1)}}
  %0 = fovea.load @load_c1_name : tensor<4xf32>
  return
}

// -----

fovea.state "parameter" @w : tensor<4xf32>
func.func @load_c1_type() {
  // expected-error@+1 {{has type 'tensor<5xf32>' but @w is 'tensor<4xf32>' (c1)}}
  %0 = fovea.load @w : tensor<5xf32>
  return
}

// -----

fovea.state "parameter" @w : tensor<4xf32>
func.func @store_c1(%x: tensor<5xf32>) {
  // expected-error@+1 {{has type 'tensor<5xf32>' but @w is 'tensor<4xf32>' (c1)}}
  fovea.store %x, @w : tensor<5xf32>
  return
}

// -----

fovea.state "parameter" @w : tensor<4xf32>
func.func @store_c2(%x: tensor<4xf32>) {
  fovea.store %x, @w : tensor<4xf32>
  // expected-error@+1 {{is the second to @w in this function: a state is stored at most once (c2)}}
  fovea.store %x, @w : tensor<4xf32>
  return
}

// -----

// expected-error@+1 {{has #fovea.panels<axis = 2, size = 8>, but (3, 8) has no such axis (c4)}}
fovea.state "parameter" @w : tensor<3x8xf32> {panels = #fovea.panels<axis = 2, size = 8>}

// -----

func.func @custom_vjp_c1_results(%x: tensor<3xf32>) {
  // expected-error@+1 {{has 1 results, which must have the types of its 1 values (c1)}}
  %0 = fovea.custom_vjp(%x) gives %x {
  ^bb0(%input: tensor<3xf32>, %value: tensor<3xf32>, %cotangent: tensor<3xf32>):
    fovea.yield %cotangent : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @custom_vjp_c1_rule(%x: tensor<3xf32>) {
  // expected-error@+1 {{rule must take the inputs, the values and a cotangent for each value, and yield a cotangent for each input (c1)}}
  %0 = fovea.custom_vjp(%x) gives %x {
  ^bb0(%input: tensor<3xf32>):
    fovea.yield %input : tensor<3xf32>
  } : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}
