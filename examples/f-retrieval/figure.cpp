#include "figure.h"

#include "training/Metrics.h"
#include "training/Plot.h"

#include <algorithm>
#include <cstdio>

namespace retrieval {

using namespace fovea::training;

namespace {

constexpr int64_t cellSide = 112, shown = 5;

Picture cellOf(const LabelledImages &images, int64_t item) {
  return Picture(images.image(item), 1, side, side).scaled(cellSide, cellSide);
}

std::string text(const char *format, double a, double b) {
  char result[48];
  std::snprintf(result, sizeof result, format, a, b);
  return result;
}

/// A bar from 0 to 1 for each class, with the class below.
Picture byClass(const std::vector<float> &weights, const std::vector<int32_t> &labels) {
  std::vector<double> sums(classes, 0);
  for (size_t item = 0; item < weights.size(); ++item)
    sums[static_cast<size_t>(labels[item])] += static_cast<double>(weights[item]);
  constexpr int64_t barWidth = 22;
  Picture picture(classes * barWidth, cellSide, {242, 242, 242});
  const int64_t base = cellSide - textHeight(2) - 2;
  for (int64_t label = 0; label < classes; ++label) {
    const auto height = static_cast<int64_t>(sums[static_cast<size_t>(label)] * static_cast<double>(base));
    picture.fill(label * barWidth + 2, base - height, barWidth - 4, height, {70, 130, 190});
    picture.text(label * barWidth + 6, base + 2, std::to_string(label), black, 2);
  }
  return picture;
}

std::vector<Cell> rowOf(const LabelledImages &queries, int64_t query, const Found &found,
                        const LabelledImages &gallery) {
  const int32_t truth = queries.labels[static_cast<size_t>(query)];
  std::vector<Cell> row{{cellOf(queries, query), text("%.0f as %.0f", truth, static_cast<double>(found.predicted))}};
  const bool attends = !found.attention.empty();
  const std::vector<float> &scores = attends ? found.attention : found.nearness;
  const std::vector<int64_t> best = byScore(scores);
  for (size_t rank = 0; rank < shown; ++rank) {
    const auto item = static_cast<size_t>(best[rank]);
    row.push_back({cellOf(gallery, best[rank]), text(attends ? "%.0f: %.4f" : "%.0f: %.1f", gallery.labels[item],
                                                     static_cast<double>(scores[item]))});
  }
  if (attends) row.push_back({byClass(found.attention, gallery.labels), text("as %.0f items", breadthOf(scores), 0)});
  return row;
}

} // namespace

Picture stripsOf(const LabelledImages &queries, const std::vector<Found> &found, const LabelledImages &gallery) {
  std::vector<std::vector<Cell>> rows;
  for (int64_t i = 0; i < queries.count; ++i) rows.push_back(rowOf(queries, i, found[static_cast<size_t>(i)], gallery));
  return grid({"query", "1", "2", "3", "4", "5", found[0].attention.empty() ? "" : "weight by class"}, rows);
}

Picture distributionsOf(const LabelledImages &queries, const std::vector<Found> &found) {
  std::vector<Series> curves;
  for (size_t i = 0; i < found.size(); ++i) {
    const double turn = static_cast<double>(i) / static_cast<double>(found.size());
    Series curve{"a " + std::to_string(queries.labels[i]), {}, {}, colourOf(ColourMap::viridis, 0.9 * turn), 1.5};
    std::vector<float> weights = found[i].attention;
    std::sort(weights.rbegin(), weights.rend());
    for (size_t rank = 0; rank < weights.size(); ++rank) {
      curve.x.push_back(static_cast<double>(rank + 1));
      curve.y.push_back(static_cast<double>(weights[rank]));
    }
    curves.push_back(curve);
  }
  return plot({"attention of each query over the gallery", "rank of the gallery's item", "weight", true}, curves);
}

} // namespace retrieval
