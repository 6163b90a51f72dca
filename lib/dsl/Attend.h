// What the relatives of attention share.
#pragma once

#include "lib/dsl/Build.h"

#include <fovea/Model.h>

namespace fovea::dsl {

/// Far below every score of an element type, and finite.
inline double lowest(DType dtype) { return dtype == f16 ? -6e4 : -1e30; }

/// A tensor's shape and element type, as messages name them.
std::string textOf(const Tensor &x);

/// Fails unless queries, keys and values are floats of one type and model whose shapes are those of `query`, but for
/// the last size of the values, and all but the first constant. `shape` says what they must be.
void checkHeads(const Frame &frame, const char *name, const char *shape, int64_t rank, const Located &query,
                const Located &key, const Located &value);

/// The scale, by default 1 / sqrt of the last size.
double scaleOf(const std::optional<double> &scale, const Tensor &query);

/// 0, 1, .. along the last of `rank` axes but `behind`, the others of size 1.
Tensor counted(const Located &x, int64_t size, int64_t behind = 0);

} // namespace fovea::dsl
