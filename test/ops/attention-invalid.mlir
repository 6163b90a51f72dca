// RUN: fovea-opt %s -split-input-file -verify-diagnostics=only-expected

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
func.func @attention_c1_rank(%q: tensor<4x5x8xf32>, %k: !x) {
  // expected-error@+1 {{attention: query (4, 5, 8), key (1, 4, 5, 8) and value (1, 4, 5, 8): all need rank 4, (batch, heads, length, head size), and one element type (c1)}}
  %0, %1 = fovea.attention %q, %k, %k attributes {scale = 1.0} : (tensor<4x5x8xf32>, !x, !x) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
func.func @attention_c1_type(%q: !x, %k: tensor<1x4x5x8xf64>) {
  // expected-error@+1 {{one element type (c1)}}
  %0, %1 = fovea.attention %q, %q, %k attributes {scale = 1.0} : (!x, !x, tensor<1x4x5x8xf64>) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
func.func @attention_c2(%q: !x, %k: tensor<1x4x7x8xf32>) {
  // expected-error@+1 {{key (1, 4, 7, 8) and value (1, 4, 5, 8): batches, the heads and lengths of key and value, and the head sizes of query and key must be equal (c2)}}
  %0, %1 = fovea.attention %q, %k, %q attributes {scale = 1.0} : (!x, tensor<1x4x7x8xf32>, !x) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
func.func @attention_c3(%q: !x, %k: tensor<1x3x5x8xf32>) {
  // expected-error@+1 {{3 key heads do not divide 4 query heads (c3)}}
  %0, %1 = fovea.attention %q, %k, %k attributes {scale = 1.0} : (!x, tensor<1x3x5x8xf32>, tensor<1x3x5x8xf32>) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
func.func @attention_c4(%q: !x, %lengths: tensor<2xi32>) {
  // expected-error@+1 {{kv_lengths (2) must hold one length for each of the batch of (1, 4, 5, 8) (c4)}}
  %0, %1 = fovea.attention %q, %q, %q lengths %lengths attributes {scale = 1.0} : (!x, !x, !x, tensor<2xi32>) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
func.func @attention_c5_probability(%q: !x) {
  // expected-error@+1 {{drops weights with probability 1.000000e+00: it must be below 1, and positive where there is a key (c5)}}
  %0, %1 = fovea.attention %q, %q, %q attributes {scale = 1.0, dropout = 1.0} : (!x, !x, !x) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
func.func @attention_c5_key(%q: !x, %key: tensor<2xi32>) {
  // expected-error@+1 {{drops weights with probability 0.000000e+00 by a random key: it must be below 1, and positive where there is a key (c5)}}
  %0, %1 = fovea.attention %q, %q, %q random %key attributes {scale = 1.0} : (!x, !x, !x, tensor<2xi32>) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
func.func @attention_grad_c1(%q: !x, %lse: !lse) {
  // expected-error@+1 {{needs a cotangent (1, 4, 5, 8), log_sum_exp and delta (1, 4, 5), and results as query, key and value (c1)}}
  %0:3 = fovea.attention_grad %q, %q, %q, %lse, %lse, %lse attributes {scale = 1.0} : (!x, !x, !x, !lse, !lse, !lse) -> (!x, !x, !x)
  return
}

// -----

func.func @attention_grad_rank(%x: tensor<f32>) {
  // expected-error@+1 {{attention: query (), key () and value (): all need rank 4}}
  %0:3 = fovea.attention_grad %x, %x, %x, %x, %x, %x attributes {scale = 1.0}
    : (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
func.func @attention_c6(%q: !x) {
  // expected-error@+1 {{score must be one block that takes 1 scores, b, h, i, j and the captures, and yields 'tensor<f32>' (c6)}}
  %0, %1 = fovea.attention %q, %q, %q attributes {scale = 1.0} score {
  ^bb0(%s: tensor<f32>):
    fovea.yield %s : tensor<f32>
  } : (!x, !x, !x) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
!i = tensor<i32>
func.func @attention_c7(%q: !x) {
  %0, %1 = fovea.attention %q, %q, %q attributes {scale = 1.0} mask {
  ^bb0(%b: !i, %h: !i, %i: !i, %j: !i):
    // expected-error@+1 {{attention: its mask function has a constant of (3): it sees one query and one key and computes with scalars, of f32, f64, integers or booleans; compute tensors before, and load an element (c7)}}
    %1 = fovea.constant dense<true> : tensor<3xi1>
    %2 = fovea.constant dense<true> : tensor<i1>
    fovea.yield %2 : tensor<i1>
  } : (!x, !x, !x) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
!i = tensor<i32>
func.func @attention_grad_c8(%q: !x, %lse: !lse) {
  // expected-error@+1 {{needs a gradient region exactly where it has a score region, and 0 results for captures (c8)}}
  %0:3 = fovea.attention_grad %q, %q, %q, %q, %lse, %lse attributes {scale = 1.0} score {
  ^bb0(%s: tensor<f32>, %b: !i, %h: !i, %i: !i, %j: !i):
    fovea.yield %s : tensor<f32>
  } : (!x, !x, !x, !x, !lse, !lse) -> (!x, !x, !x)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
!i = tensor<i32>
func.func @score_load_c1(%q: !x, %t: tensor<4x3xf32>) {
  %0, %1 = fovea.attention %q, %q, %q captures %t attributes {scale = 1.0} score {
  ^bb0(%s: tensor<f32>, %b: !i, %h: !i, %i: !i, %j: !i, %own: tensor<4x3xf32>):
    // expected-error@+1 {{of (4, 3) by 1 indices: a captured tensor has elements, and one index, a tensor of rank 0, for each dimension (c1)}}
    %1 = fovea.score_load %own[%h] : (tensor<4x3xf32>, !i) -> tensor<f32>
    fovea.yield %1 : tensor<f32>
  } : (!x, !x, !x, tensor<4x3xf32>) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
!lse = tensor<1x4x5xf32>
!i = tensor<i32>
func.func @score_load_c2(%q: !x, %t: tensor<4xbf16>) {
  %0, %1 = fovea.attention %q, %q, %q captures %t attributes {scale = 1.0} score {
  ^bb0(%s: tensor<f32>, %b: !i, %h: !i, %i: !i, %j: !i, %own: tensor<4xbf16>):
    // expected-error@+1 {{of 'tensor<4xbf16>' has an element of 'tensor<bf16>': it is 'tensor<f32>' (c2)}}
    %1 = fovea.score_load %own[%h] : (tensor<4xbf16>, !i) -> tensor<bf16>
    fovea.yield %s : tensor<f32>
  } : (!x, !x, !x, tensor<4xbf16>) -> (!x, !lse)
  return
}

// -----

!x = tensor<1x4x5x8xf32>
func.func @attention_map_c9(%q: !x) {
  // expected-error@+1 {{gives 'weight': it must be raw, score, masked, or weight, which alone takes a log_sum_exp, (1, 4, 5) (c9)}}
  %0 = fovea.attention_map %q, %q gives "weight" over "none" attributes {scale = 1.0} : (!x, !x) -> tensor<1x4x5x5xf32>
  return
}

// -----

!x = tensor<1x4x5x8xf32>
func.func @attention_map_c10(%q: !x) {
  // expected-error@+1 {{is over 'entropy': it must be none, heads, or entropy, which is that of weights (c10)}}
  %0 = fovea.attention_map %q, %q gives "raw" over "entropy" attributes {scale = 1.0} : (!x, !x) -> tensor<1x4x5xf32>
  return
}

// -----

!x = tensor<1x4x5x8xf32>
func.func @attention_map_c11(%q: !x) {
  // expected-error@+1 {{needs a cotangent, as attention's result, exactly where it has a value, and weights, but no entropy, to multiply with (c11)}}
  %0 = fovea.attention_map %q, %q value %q gives "raw" over "none" attributes {scale = 1.0} : (!x, !x, !x) -> tensor<1x4x5x5xf32>
  return
}
