// Attention with everything that goes with it, drawn: sizes, windows, lengths, score and mask functions.
#pragma once

#include "test/ops/Case.h"

namespace fovea::ops {

/// One case by its seed; with gradients of query, key, value and all captures where `gradient`.
Case drawAttention(uint64_t seed, bool gradient);

} // namespace fovea::ops
