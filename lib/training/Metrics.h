// How good a classifier or a retrieval is.
#ifndef FOVEA_TRAINING_METRICS_H
#define FOVEA_TRAINING_METRICS_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea::training {

/// The index of the largest of so many numbers, the first of equal ones; NaN is never the largest.
int64_t argmax(const float *values, int64_t count);

/// How often each class was taken for each class.
class ConfusionMatrix {
public:
  explicit ConfusionMatrix(int64_t classes);

  /// Throws fovea::Error where there is no such class.
  void add(int64_t truth, int64_t predicted);

  int64_t classes() const { return size; }
  int64_t count(int64_t truth, int64_t predicted) const {
    return counts[static_cast<size_t>(truth * size + predicted)];
  }
  int64_t total() const;
  /// The share that was right; 0 where nothing was added.
  double accuracy() const;
  /// 2 TP / (2 TP + FP + FN) of a class; 0 where it neither occurred nor was predicted.
  double f1(int64_t label) const;
  /// The mean F1 of the classes that occurred or were predicted; 0 where nothing was added.
  double macroF1() const;

private:
  int64_t size;
  std::vector<int64_t> counts; // (truth, predicted)
};

/// For each query, whether the gallery's items are relevant, in the order in which they were retrieved.
using Ranking = std::vector<bool>;

/// Indices by falling score; equal scores in the order of their indices, NaN last.
std::vector<int64_t> byScore(const std::vector<float> &scores);

/// The share of queries with a relevant item among the first k (recall@k of metric learning: Jegou et al. 2011,
/// "Product Quantization for Nearest Neighbor Search"). Queries without relevant items count as missed.
double recallAt(int64_t k, const std::vector<Ranking> &queries);

/// The mean over relevant items of the share of relevant ones up to it; 0 without relevant items.
double averagePrecision(const Ranking &ranking);

/// The mean over queries; 0 without queries.
double meanAveragePrecision(const std::vector<Ranking> &queries);

} // namespace fovea::training

#endif
