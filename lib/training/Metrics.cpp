#include "training/Metrics.h"

#include "formats/Error.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace fovea::training {

int64_t argmax(const float *values, int64_t count) {
  int64_t best = 0;
  for (int64_t i = 1; i < count; ++i)
    if (values[i] > values[best] || (std::isnan(values[best]) && !std::isnan(values[i]))) best = i;
  return best;
}

ConfusionMatrix::ConfusionMatrix(int64_t classes) : size(classes), counts(static_cast<size_t>(classes * classes), 0) {}

void ConfusionMatrix::add(int64_t truth, int64_t predicted) {
  for (int64_t label : {truth, predicted})
    if (label < 0 || label >= size)
      throw Error("a confusion matrix of " + std::to_string(size) + " classes has no class " + std::to_string(label) +
                  ": classes count from 0");
  ++counts[static_cast<size_t>(truth * size + predicted)];
}

int64_t ConfusionMatrix::total() const { return std::accumulate(counts.begin(), counts.end(), int64_t(0)); }

double ConfusionMatrix::accuracy() const {
  int64_t right = 0;
  for (int64_t label = 0; label < size; ++label) right += count(label, label);
  return total() > 0 ? static_cast<double>(right) / static_cast<double>(total()) : 0;
}

double ConfusionMatrix::f1(int64_t label) const {
  int64_t taken = 0; // 2 TP + FP + FN: the sum of the class's row and column
  for (int64_t other = 0; other < size; ++other) taken += count(label, other) + count(other, label);
  return taken > 0 ? 2.0 * static_cast<double>(count(label, label)) / static_cast<double>(taken) : 0;
}

double ConfusionMatrix::macroF1() const {
  double sum = 0;
  int64_t present = 0;
  for (int64_t label = 0; label < size; ++label) {
    bool occurs = false;
    for (int64_t other = 0; other < size; ++other) occurs = occurs || count(label, other) + count(other, label) > 0;
    present += occurs;
    sum += f1(label);
  }
  return present > 0 ? sum / static_cast<double>(present) : 0;
}

std::vector<int64_t> byScore(const std::vector<float> &scores) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  auto key = [&](int64_t i) {
    const float score = scores[static_cast<size_t>(i)];
    return std::isnan(score) ? -INFINITY : score;
  };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return key(a) > key(b); });
  return order;
}

double recallAt(int64_t k, const std::vector<Ranking> &queries) {
  int64_t found = 0;
  for (const Ranking &ranking : queries) {
    const auto end = ranking.begin() + std::min<int64_t>(k, static_cast<int64_t>(ranking.size()));
    found += std::find(ranking.begin(), end, true) != end;
  }
  return queries.empty() ? 0 : static_cast<double>(found) / static_cast<double>(queries.size());
}

double averagePrecision(const Ranking &ranking) {
  double sum = 0, relevant = 0;
  for (size_t i = 0; i < ranking.size(); ++i)
    if (ranking[i]) sum += ++relevant / static_cast<double>(i + 1);
  return relevant > 0 ? sum / relevant : 0;
}

double meanAveragePrecision(const std::vector<Ranking> &queries) {
  double sum = 0;
  for (const Ranking &ranking : queries) sum += averagePrecision(ranking);
  return queries.empty() ? 0 : sum / static_cast<double>(queries.size());
}

} // namespace fovea::training
