// Gradients by central differences.
#include "Reference.h"
#include "Require.h"

#include <algorithm>
#include <cmath>

namespace fovea::reference {

Array gradient(const std::function<double(const std::vector<Array> &)> &function, std::vector<Array> inputs,
               size_t which, double step) {
  require(which < inputs.size(), "gradient: no such input");
  Array result(inputs[which].shape);
  for (int64_t i = 0; i < result.size(); ++i) {
    double &x = inputs[which].values[i];
    const double center = x, move = step * std::max(1.0, std::abs(center));
    x = center + move;
    const double high_x = x, high = function(inputs);
    x = center - move;
    const double low_x = x, low = function(inputs);
    x = center;
    result.values[i] = (high - low) / (high_x - low_x);
  }
  return result;
}

} // namespace fovea::reference
