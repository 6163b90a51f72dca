// What the readers of arrays say and check about shapes.
#ifndef FOVEA_FORMATS_SHAPE_H
#define FOVEA_FORMATS_SHAPE_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea::formats {

/// `2 x 3`; of rank 0 `()`.
std::string shapeText(const std::vector<int64_t> &shape);

/// The product of the dimensions, which are not negative, or limit + 1 where it is larger than limit.
size_t countWithin(const std::vector<int64_t> &shape, size_t limit);

} // namespace fovea::formats

#endif
