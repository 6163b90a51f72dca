// How good a classifier's logits are, batch after batch.
#pragma once

#include "training/Metrics.h"

#include <algorithm>
#include <cmath>

namespace systems {

/// -log softmax(logits)[truth], in nats.
inline double crossEntropy(const float *logits, int64_t classes, int64_t truth) {
  const float most = *std::max_element(logits, logits + classes);
  double sum = 0;
  for (int64_t i = 0; i < classes; ++i) sum += std::exp(static_cast<double>(logits[i]) - most);
  return std::log(sum) + most - logits[truth];
}

struct Tally {
  explicit Tally(int64_t classes) : confusion(classes) {}

  /// Logits (labels, classes) of rows with these classes, the first of a batch's labels.
  template <typename Labels> void add(const float *logits, const Labels &labels, int64_t count) {
    const int64_t classes = confusion.classes();
    for (int64_t i = 0; i < count; ++i, logits += classes) {
      confusion.add(labels[static_cast<size_t>(i)], fovea::training::argmax(logits, classes));
      sum += crossEntropy(logits, classes, labels[static_cast<size_t>(i)]);
    }
  }

  double accuracy() const { return 100 * confusion.accuracy(); } // percent, as macroF1
  double macroF1() const { return 100 * confusion.macroF1(); }
  double loss() const { return sum / static_cast<double>(std::max<int64_t>(confusion.total(), 1)); }

  fovea::training::ConfusionMatrix confusion;

private:
  double sum = 0;
};

} // namespace systems
