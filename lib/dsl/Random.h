// Random numbers, as pure functions of a key: equal keys give equal numbers, in training and in inference. Keys are
// made with random_keys, or are inputs of two i32. Numbers are of f64 in a model of f64, else of f32; each is made of
// 24 random bits, or two times 24. An element depends on the key and on its row-major index only.
#pragma once

#include <fovea/Functions.h>

namespace fovea {

/// Keys for `count` draws, (count, 2) of i32: `pick(keys, 0, i)` is one. `seed` and `counter` are i64 of rank 0, such
/// as inputs; a counter that goes up with every call gives new keys (Philox4x32-10, Salmon et al. 2011, "Parallel
/// Random Numbers: As Easy as 1, 2, 3").
Tensor random_keys(Located seed, Located counter, int64_t count);

/// low + (high - low) u, for u uniform in [0, 1).
Tensor random_uniform(Located key, const Shape &shape, double low = 0, double high = 1);
/// sqrt(-2 log u) cos(2 pi v), with a mean and a deviation, for u uniform in (0, 1] and v in [0, 1): within 5.8
/// deviations (Box and Muller 1958, "A Note on the Generation of Random Normal Deviates").
Tensor random_normal(Located key, const Shape &shape, double mean = 0, double deviation = 1);
/// -log(-log u), for u uniform in (0, 1): from -2.9 to 17.4 (Gumbel 1954, "Statistical Theory of Extreme Values").
Tensor random_gumbel(Located key, const Shape &shape);
/// Booleans that are true with a probability of f32 or f64, element by element.
Tensor random_bernoulli(Located key, Located probability);
/// Indices, i64 (..), drawn with the probabilities softmax(logits) along the last axis of logits (.., classes): the
/// argmax of the logits and Gumbel noise (Maddison et al. 2014, "A* Sampling").
Tensor random_categorical(Located key, Located logits);

} // namespace fovea
