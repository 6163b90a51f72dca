#include "figure.h"

#include "model.h"
#include "training/Plot.h"

#include <algorithm>
#include <cstdio>

namespace white_patch {
namespace {

using namespace fovea::training;

constexpr int64_t places = mapSide * mapSide, stride = side / mapSide;
constexpr int64_t cellSide = 2 * side;

/// Whether a place of the map lies wholly within the patch.
bool inside(const Patch &patch, int64_t place) {
  const int64_t row = place / mapSide * stride, column = place % mapSide * stride;
  return row >= patch.row && row + stride <= patch.row + patchSide && column >= patch.column &&
         column + stride <= patch.column + patchSide;
}

/// The mean square over channels at each place.
Map energyOf(const float *seen) {
  Map map{mapSide, mapSide, std::vector<float>(places, 0)};
  for (int64_t i = 0; i < channels * places; ++i)
    map.values[static_cast<size_t>(i % places)] += seen[i] * seen[i] / channels;
  return map;
}

/// Adds the mean inside the patch and the mean outside.
void addMeans(const Map &map, const Patch &patch, double sums[2]) {
  double sum[2] = {0, 0}, count[2] = {0, 0};
  for (int64_t place = 0; place < places; ++place) {
    const int part = inside(patch, place) ? 0 : 1;
    sum[part] += map.values[static_cast<size_t>(place)], ++count[part];
  }
  for (int part : {0, 1}) sums[part] += sum[part] / count[part];
}

std::vector<float> lessMeans(const float *seen) {
  std::vector<float> result(seen, seen + channels * places);
  for (auto begin = result.begin(); begin != result.end(); begin += places) {
    double sum = 0;
    for (auto value = begin; value != begin + places; ++value) sum += *value;
    for (auto value = begin; value != begin + places; ++value) *value -= static_cast<float>(sum / places);
  }
  return result;
}

/// From its lowest number to its highest.
Picture mapPicture(const Picture &under, const Map &map, double alpha) {
  const auto [low, high] = std::minmax_element(map.values.begin(), map.values.end());
  return overlay(under, map, *low, *high > *low ? *high : *low + 1, alpha, ColourMap::viridis);
}

std::vector<Cell> rowOf(const Seen &seen) {
  const Picture image =
      Picture::ofNumbers(seen.image.data(), 3, side, side, -1, 1).scaled(cellSide, cellSide); // 0.5 x + 0.5
  char caption[32];
  std::snprintf(caption, sizeof caption, "%s, p %.4f", seen.patch.present ? "patch" : "none",
                static_cast<double>(seen.probability));
  std::vector<Cell> row{{image, caption}};
  const Picture empty(cellSide, cellSide, black);
  for (int64_t channel = 0; channel < 3; ++channel) {
    const float *numbers = seen.map.data() + channel * places;
    row.push_back({mapPicture(empty, {mapSide, mapSide, {numbers, numbers + places}}, 1), ""});
  }
  Picture energy = mapPicture(image, energyOf(seen.map.data()), 0.75);
  const auto edge = [](int64_t pixel) { return static_cast<double>(pixel * cellSide / side); };
  const Patch &patch = seen.patch;
  if (patch.present)
    energy.box({edge(patch.column), edge(patch.row), edge(patch.column + patchSide), edge(patch.row + patchSide)}, "",
               {255, 60, 40});
  row.push_back({energy, ""});
  return row;
}

} // namespace

void PatchEnergy::add(const float *seen, const Patch &patch) {
  if (!patch.present) return;
  addMeans(energyOf(seen), patch, energy);
  addMeans(energyOf(lessMeans(seen).data()), patch, contrast);
}

Picture figureOf(const Picture &curves, const std::vector<Seen> &images) {
  std::vector<std::vector<Cell>> rows;
  for (const Seen &seen : images) rows.push_back(rowOf(seen));
  const Picture maps = grid({"image", "channel 1", "channel 2", "channel 3", "energy"}, rows);
  Picture figure(std::max(curves.width(), maps.width()), curves.height() + maps.height());
  figure.draw(curves, (figure.width() - curves.width()) / 2, 0);
  figure.draw(maps, (figure.width() - maps.width()) / 2, curves.height());
  return figure;
}

Picture curvesOf(const Run &run, const std::string &net) {
  Series train{"train", {}, {}, {40, 110, 190}}, test{"test", {}, {}, {200, 60, 40}};
  for (const Row &row : run.metrics().rows())
    for (auto [series, column] : {std::pair{&train, size_t{1}}, {&test, size_t{2}}})
      series->x.push_back(row[0]), series->y.push_back(row[column]);
  return plot({net + ": mean loss of each epoch", "epoch", "binary cross entropy (nats)", true}, {train, test});
}

} // namespace white_patch
