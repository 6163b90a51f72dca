// RUN: fovea-opt %s -split-input-file -verify-diagnostics -fovea-kernels

!a = tensor<?xf32, #fovea.dims<[A] -> (A)>>
!b = tensor<?xf32, #fovea.dims<[B] -> (B)>>
// expected-error@+1 {{the buffer plan carries one symbolic size, but this function has 2 ('A' and 'B'): give all but one of them as numbers}}
func.func @two_symbols(%a: !a, %b: !b) -> (!a, !b) {
  %0 = fovea.exp %a : !a
  %1 = fovea.exp %b : !b
  return %0, %1 : !a, !b
}

// -----

!a = tensor<?xf32, #fovea.dims<[A] -> (A)>>
!b = tensor<?xf32, #fovea.dims<[B] -> (B)>>
// expected-error@+1 {{the buffer plan carries one symbolic size, but this function has 2}}
func.func @two_symbols_of_arguments(%a: !a, %b: !b) -> (tensor<f32>, tensor<f32>) {
  %0 = fovea.sum %a [0] : (!a) -> tensor<f32>
  %1 = fovea.sum %b [0] : (!b) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

// -----

!x = tensor<?x?xf32, #fovea.dims<[A] -> (A, A)>>
// expected-error@+1 {{the buffer plan needs sizes that grow evenly with 'A', but a value has A * A elements}}
func.func @square(%x: !x) -> !x {
  %0 = fovea.softmax %x : !x
  %1 = fovea.softmax %0 : !x
  return %1 : !x
}

// -----

func.func @twice() {
  // expected-error@+1 {{is already over buffers: this module is at the kernels stage}}
  %0 = fovea.arena <[] -> (0)> : !fovea.buffer<tensor<f32>, <[] -> ()>>
  return
}

// -----

func.func private @f(tensor<f32>) -> tensor<f32>
func.func @call(%x: tensor<f32>) -> tensor<f32> {
  // expected-error@+1 {{cannot be compiled: a function holds fovea's tensor ops and ends with a return}}
  %0 = call @f(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
