// Shapes in messages, and products that cannot overflow.
#include "formats/Shape.h"

#include <algorithm>

namespace fovea::formats {

std::string shapeText(const std::vector<int64_t> &shape) {
  if (shape.empty()) return "()";
  std::string result;
  for (int64_t extent : shape) result += (result.empty() ? "" : " x ") + std::to_string(extent);
  return result;
}

size_t countWithin(const std::vector<int64_t> &shape, size_t limit) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  size_t count = 1;
  for (int64_t extent : shape) {
    if (count > limit / static_cast<size_t>(extent)) return limit + 1;
    count *= static_cast<size_t>(extent);
  }
  return count;
}

} // namespace fovea::formats
