#include "training/Detection.h"

#include <algorithm>
#include <set>

namespace fovea::training {
namespace {

double areaOf(const Box &box) { return std::max(0.0, box.right - box.left) * std::max(0.0, box.bottom - box.top); }

/// Whether each found box of a class is right, by falling score; equal scores in their order.
std::vector<bool> matched(const std::vector<Boxes> &found, const std::vector<Boxes> &truth, int64_t label,
                          double least) {
  struct Found {
    size_t image;
    const LabelledBox *box;
  };
  std::vector<Found> all;
  for (size_t image = 0; image < found.size(); ++image)
    for (const LabelledBox &box : found[image])
      if (box.label == label) all.push_back({image, &box});
  std::stable_sort(all.begin(), all.end(), [](const Found &a, const Found &b) { return a.box->score > b.box->score; });

  std::vector<bool> right;
  std::set<const LabelledBox *> taken;
  for (const auto &[image, box] : all) {
    const LabelledBox *best = nullptr;
    double most = 0;
    for (const LabelledBox &candidate : truth[image]) {
      const double overlap = intersectionOverUnion(box->box, candidate.box);
      if (candidate.label != label || overlap <= most) continue;
      best = &candidate;
      most = overlap;
    }
    right.push_back(best && most >= least && taken.insert(best).second);
  }
  return right;
}

int64_t countOf(const std::vector<Boxes> &images, int64_t label) {
  int64_t count = 0;
  for (const Boxes &boxes : images)
    count += std::count_if(boxes.begin(), boxes.end(), [&](const LabelledBox &box) { return box.label == label; });
  return count;
}

std::set<int64_t> labelsOf(const std::vector<Boxes> &images) {
  std::set<int64_t> labels;
  for (const Boxes &boxes : images)
    for (const LabelledBox &box : boxes) labels.insert(box.label);
  return labels;
}

} // namespace

double intersectionOverUnion(const Box &a, const Box &b) {
  const double common = areaOf(
      {std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right), std::min(a.bottom, b.bottom)});
  const double both = areaOf(a) + areaOf(b) - common;
  return both > 0 ? common / both : 0;
}

Boxes suppressed(Boxes boxes, double most) {
  std::stable_sort(boxes.begin(), boxes.end(),
                   [](const LabelledBox &a, const LabelledBox &b) { return a.score > b.score; });
  Boxes kept;
  for (const LabelledBox &box : boxes)
    if (std::none_of(kept.begin(), kept.end(), [&](const LabelledBox &other) {
          return other.label == box.label && intersectionOverUnion(other.box, box.box) > most;
        }))
      kept.push_back(box);
  return kept;
}

double averagePrecision(const std::vector<Boxes> &found, const std::vector<Boxes> &truth, int64_t label, double least) {
  const std::vector<bool> right = matched(found, truth, label, least);
  const int64_t there = countOf(truth, label);
  if (there == 0) return 0;
  std::vector<double> precision;
  double hits = 0;
  for (size_t i = 0; i < right.size(); ++i) precision.push_back((hits += right[i]) / static_cast<double>(i + 1));
  for (size_t i = precision.size(); i-- > 1;) precision[i - 1] = std::max(precision[i - 1], precision[i]);
  double area = 0;
  for (size_t i = 0; i < right.size(); ++i)
    if (right[i]) area += precision[i]; // recall rises by one box
  return area / static_cast<double>(there);
}

double meanAveragePrecision(const std::vector<Boxes> &found, const std::vector<Boxes> &truth, double least) {
  const std::set<int64_t> labels = labelsOf(truth);
  double sum = 0;
  for (int64_t label : labels) sum += averagePrecision(found, truth, label, least);
  return labels.empty() ? 0 : sum / static_cast<double>(labels.size());
}

double detectionF1(const std::vector<Boxes> &found, const std::vector<Boxes> &truth, double leastScore, double least) {
  std::vector<Boxes> sure = found;
  for (Boxes &boxes : sure)
    boxes.erase(
        std::remove_if(boxes.begin(), boxes.end(), [&](const LabelledBox &box) { return box.score < leastScore; }),
        boxes.end());
  int64_t hits = 0, boxes = 0; // boxes: 2 TP + FP + FN
  std::set<int64_t> labels = labelsOf(truth);
  labels.merge(labelsOf(sure));
  for (int64_t label : labels) {
    const std::vector<bool> right = matched(sure, truth, label, least);
    hits += std::count(right.begin(), right.end(), true);
    boxes += static_cast<int64_t>(right.size()) + countOf(truth, label);
  }
  return boxes > 0 ? 2.0 * static_cast<double>(hits) / static_cast<double>(boxes) : 0;
}

} // namespace fovea::training
