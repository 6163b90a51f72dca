// RUN: fovea-opt %s -allow-unregistered-dialect -split-input-file -verify-diagnostics=only-expected

// expected-error@+1 {{'N' is not among the symbols of this #fovea.dims}}
"test.op"() {a = #fovea.dims<[B] -> (N)>} : () -> ()

// -----

// expected-error@+1 {{the divisor of a size must be a positive constant}}
"test.op"() {a = #fovea.dims<[B] -> (B floordiv 0)>} : () -> ()

// -----

// expected-error@+1 {{the divisor of a size must be a positive constant}}
"test.op"() {a = #fovea.dims<[B, N] -> (B mod N)>} : () -> ()

// -----

// expected-error@+1 {{integer value too large}}
"test.op"() {a = #fovea.dims<[B] -> (B * 99999999999999999999)>} : () -> ()

// -----

// expected-error@+1 {{expected ')'}}
"test.op"() {a = #fovea.dims<[B] -> (B B)>} : () -> ()

// -----

// expected-error@+1 {{expected valid keyword}}
"test.op"() {a = #fovea.dims<[B] -> (B + )>} : () -> ()

// -----

// expected-error@+1 {{a tensor of rank 1 has a #fovea.dims of 2 sizes: give one for each dimension}}
func.func @rank(%x: tensor<?xf32, #fovea.dims<[B] -> (B, 4)>>)

// -----

// expected-error@+1 {{dimension 1 is ? but its #fovea.dims size is 4: a ? has a symbolic size, a number its own}}
func.func @unknown(%x: tensor<?x?xf32, #fovea.dims<[B] -> (B, 4)>>)

// -----

// expected-error@+1 {{dimension 1 is 5 but its #fovea.dims size is 4: a ? has a symbolic size, a number its own}}
func.func @other(%x: tensor<?x5xf32, #fovea.dims<[B] -> (B, 4)>>)

// -----

// expected-error@+1 {{dimension 0 is 5 but its #fovea.dims size is B * 2}}
func.func @symbolic(%x: tensor<5xf32, #fovea.dims<[B] -> (B * 2)>>)

// -----

// expected-error@+1 {{dimension 0 is B * -3, which can be less than 1: every size is at least 1}}
func.func @negative(%x: tensor<?xf32, #fovea.dims<[B] -> (B * -3)>>)

// -----

// expected-error@+1 {{dimension 0 is B + -1, which can be less than 1}}
func.func @empty(%x: tensor<?xf32, #fovea.dims<[B] -> (B + -1)>>)
