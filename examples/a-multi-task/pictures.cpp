#include "pictures.h"

#include "model.h"

#include <cstdio>

namespace multi_task {

using namespace fovea::training;

static Picture digitOf(const LabelledImages &images, size_t index, int64_t size) {
  return Picture(images.image(static_cast<int64_t>(index)), 1, side, side).scaled(size, size);
}

// Dark where the weight is 0, bright where it is the map's largest.
static Cell mapCell(const Picture &digit, const Map &map) {
  const float most = *std::max_element(map.values.begin(), map.values.end());
  return {overlay(digit, map, 0, most, 0.65, ColourMap::viridis), ""};
}

static std::string captionOf(const Prediction &found, int64_t digit, int64_t ink) {
  char caption[64];
  std::snprintf(caption, sizeof caption, "%d%s, ink %d of 4%s", static_cast<int>(found.digit),
                found.digit == digit ? "" : " (wrong)", static_cast<int>(found.ink + 1),
                found.ink == ink ? "" : " (wrong)");
  return caption;
}

Map mapOf(const Prediction &prediction, int64_t task, std::optional<int64_t> head) {
  Map map{mapSide, mapSide, std::vector<float>(tokens, 0)};
  const int64_t first = head.value_or(0), count = head ? 1 : heads;
  for (int64_t h = first; h < first + count; ++h)
    for (size_t token = 0; token < tokens; ++token)
      map.values[token] +=
          prediction.looks[static_cast<size_t>(h * tasks + task) * tokens + token] / static_cast<float>(count);
  return map;
}

Picture pictureOfTasks(const LabelledImages &images, const std::vector<Prediction> &predictions, const Ink &ink) {
  std::vector<std::string> headings;
  std::vector<std::vector<Cell>> rows;
  for (size_t i = 0; i < predictions.size(); ++i) {
    if (i == 0 || images.labels[i] != images.labels[i - 1]) rows.emplace_back();
    const Picture digit = digitOf(images, i, 84);
    const int32_t quartile = ink.quartile(images, static_cast<int64_t>(i));
    rows.back().push_back({digit, captionOf(predictions[i], images.labels[i], quartile)});
    for (int64_t task = 0; task < tasks && !predictions[i].looks.empty(); ++task)
      rows.back().push_back(mapCell(digit, mapOf(predictions[i], task)));
    if (rows.size() > 1) continue;
    headings.push_back("found");
    if (!predictions[i].looks.empty()) headings.insert(headings.end(), {"digit", "ink"});
  }
  return grid(headings, rows, 8, 1);
}

Picture pictureOfHeads(const LabelledImages &images, const std::vector<Prediction> &predictions) {
  std::vector<std::string> headings{"head"};
  for (int64_t head = 1; head <= heads; ++head) headings.push_back(std::to_string(head));
  std::vector<std::vector<Cell>> rows;
  for (size_t i = 0; i < predictions.size(); ++i)
    for (int64_t task = 0; task < tasks; ++task) {
      const Picture digit = digitOf(images, i, 56);
      rows.push_back({{digit, task == 0 ? "digit" : "ink"}});
      for (int64_t head = 0; head < heads; ++head)
        rows.back().push_back(mapCell(digit, mapOf(predictions[i], task, head)));
    }
  return grid(headings, rows, 8, 1);
}

} // namespace multi_task
