// Windows, neighbourhoods and axes: functions of heads, and the blocks around them.
#include "test/ops/Relatives.h"
#include "test/ops/Suites.h"

#include <fovea/LocalAttention.h>
#include <fovea/nn/LocalAttention.h>

namespace fovea::ops {

namespace {

using Tensors = std::vector<Tensor>;
const Bound bound = ulps(64, 2);

std::vector<Operand> heads(const Shape &shape, int64_t values) {
  Shape last = shape;
  last.back() = values;
  return {{"q", shape}, {"k", shape}, {"v", last}};
}

Case rolled(int64_t shift) {
  return function(
      "roll_" + std::to_string(shift + 20), {{"x", {2, 5, 3}}}, [=](const Tensors &v) { return roll(v[0], 1, shift); },
      [=](const Arrays &a) {
        Array y(a[0].shape);
        reference::for_each_index(y.shape, [&](const Shape &at) {
          y.at({at[0], (at[1] + shift + 20) % 5, at[2]}) = a[0].at(at);
        });
        return y;
      },
      {});
}

/// An image in windows: token t of window n is the pixel it stands for.
Case partition() {
  return function(
      "window_partition", {{"x", {2, 4, 9, 3}}},
      [](const Tensors &v) {
        return window_partition(v[0], {2, 3});
      },
      [](const Arrays &a) {
        Array y({2, 6, 6, 3});
        reference::for_each_index(y.shape, [&](const Shape &at) {
          y.at(at) = a[0].at({at[0], at[1] / 3 * 2 + at[2] / 3, at[1] % 3 * 3 + at[2] % 3, at[3]});
        });
        return y;
      },
      {});
}
Case merge() {
  return function(
      "window_merge", {{"x", {2, 4, 9, 3}}},
      [](const Tensors &v) {
        return window_merge(window_partition(v[0], {2, 3}), {2, 3}, {4, 9});
      },
      [](const Arrays &a) { return a[0]; }, {});
}

Case window(const std::string &name, const Shape &shape, Pair2d window, Pair2d shift, bool bias) {
  std::vector<Operand> operands = heads(shape, 3);
  if (bias) operands.push_back({"table", {(2 * window[0] - 1) * (2 * window[1] - 1), shape[1]}});
  return function(
      "window_" + name, operands,
      [=](const Tensors &v) {
        return window_attention(v[0], v[1], v[2], {window, shift, bias ? std::optional(v[3]) : std::nullopt});
      },
      [=](const Arrays &a) { return windowAttended(a[0], a[1], a[2], bias ? &a[3] : nullptr, window, shift); }, bound);
}

Case neighbourhood(const std::string &name, const Shape &shape, Pair2d size, bool bias,
                   std::optional<int64_t> tile = {}) {
  std::vector<Operand> operands = heads(shape, 3);
  if (bias) operands.push_back({"table", {(2 * size[0] - 1) * (2 * size[1] - 1), shape[1]}});
  return function(
      "neighbourhood_2d_" + name, operands,
      [=](const Tensors &v) {
        return neighbourhood_attention_2d(v[0], v[1], v[2], size,
                                          {.relative_bias = bias ? std::optional(v[3]) : std::nullopt, .tile = tile});
      },
      [=](const Arrays &a) { return neighbourhoodAttended(a[0], a[1], a[2], bias ? &a[3] : nullptr, size); }, bound);
}

Array asRow(const Array &x) { return {{x.shape[0], x.shape[1], 1, x.shape[2], x.shape[3]}, x.values}; }

Case neighbourhood1d(const std::string &name, const Shape &shape, int64_t size, bool bias,
                     std::optional<int64_t> tile = {}) {
  std::vector<Operand> operands = heads(shape, 5);
  if (bias) operands.push_back({"table", {2 * size - 1, shape[1]}});
  return function(
      "neighbourhood_" + name, operands,
      [=](const Tensors &v) {
        return neighbourhood_attention(v[0], v[1], v[2], size,
                                       {.relative_bias = bias ? std::optional(v[3]) : std::nullopt, .tile = tile});
      },
      [=](const Arrays &a) {
        Array y = neighbourhoodAttended(asRow(a[0]), asRow(a[1]), asRow(a[2]), bias ? &a[3] : nullptr, {1, size});
        return Array({shape[0], shape[1], shape[2], 5}, y.values);
      },
      bound);
}

Case axial(const std::string &name, const Shape &shape, int64_t axis, int64_t front) {
  return function(
      "axial_" + name, heads(shape, 3), [=](const Tensors &v) { return axial_attention(v[0], v[1], v[2], axis); },
      [=](const Arrays &a) { return axialAttended(a[0], a[1], a[2], front); }, bound);
}

/// A block of 6 channels in 2 heads, on images of 4 by 6.
Case blockCase(const std::string &name, std::vector<Operand> parameters, const Block &make,
               const std::function<Array(const Arrays &)> &reference) {
  std::vector<Operand> operands{{"x", {2, 4, 6, 6}}};
  for (Operand &each : parameters) each.fill = uniform(-0.8, 0.8);
  operands.insert(operands.end(), parameters.begin(), parameters.end());
  return block(name, operands, make, reference, ulps(256, 4));
}
/// From operand `first` on: the matrices of queries, keys and values, and what comes after `mix`.
Array aroundHeads(const Arrays &a, const Array &x, size_t first, bool bias,
                  const std::function<Array(const Array &q, const Array &k, const Array &v)> &mix) {
  Array y = linear(x, a[first], bias ? &a[first + 1] : nullptr);
  size_t last = first + (bias ? 2 : 1);
  Array mixed = tokensOf(mix(headsOf(y, 2, 0, 6), headsOf(y, 2, 6, 12), headsOf(y, 2, 12, 18)));
  return linear(mixed, a[last], &a[last + 1]);
}

Case windowBlock() {
  return blockCase(
      "window_block",
      {{"qkv.weight", {6, 18}},
       {"qkv.bias", {18}},
       {"projection.weight", {6, 6}},
       {"projection.bias", {6}},
       {"relative_bias", {15, 2}}},
      [](const Model &model, const Tensors &v) {
        return nn::WindowAttention(model, 6, 2, {.window = {2, 3}, .shift = {1, 1}})(v[0]);
      },
      [](const Arrays &a) {
        return aroundHeads(a, a[0], 1, true, [&](const Array &q, const Array &k, const Array &v) {
          return windowAttended(q, k, v, &a[5], {2, 3}, {1, 1});
        });
      });
}

Case neighbourhoodBlock() {
  return blockCase(
      "neighbourhood_block",
      {{"qkv.weight", {6, 18}}, {"projection.weight", {6, 6}}, {"projection.bias", {6}}, {"relative_bias", {25, 2}}},
      [](const Model &model, const Tensors &v) {
        return nn::NeighbourhoodAttention(model, 6, 2, {.size = {3, 3}, .bias = false})(v[0]);
      },
      [](const Arrays &a) {
        return aroundHeads(a, a[0], 1, false, [&](const Array &q, const Array &k, const Array &v) {
          return neighbourhoodAttended(q, k, v, &a[4], {3, 3});
        });
      });
}

Case axialBlock() {
  return blockCase(
      "axial_block",
      {{"columns.qkv.weight", {6, 18}},
       {"columns.projection.weight", {6, 6}},
       {"columns.projection.bias", {6}},
       {"rows.qkv.weight", {6, 18}},
       {"rows.projection.weight", {6, 6}},
       {"rows.projection.bias", {6}}},
      [](const Model &model, const Tensors &v) { return nn::AxialAttention(model, 6, 2)(v[0]); },
      [](const Arrays &a) {
        auto along = [](int64_t axis) {
          return [=](const Array &q, const Array &k, const Array &v) { return axialAttended(q, k, v, axis); };
        };
        return aroundHeads(a, aroundHeads(a, a[0], 1, false, along(2)), 4, false, along(3));
      });
}

} // namespace

Suite localAttentionSuite() {
  std::vector<Case> cases{rolled(2),
                          rolled(-7),
                          partition(),
                          merge(),
                          valuesOnly(window("plain", {2, 2, 4, 6, 5}, {2, 3}, {0, 0}, false)),
                          window("shifted", {1, 2, 6, 6, 3}, {3, 2}, {1, 1}, true),
                          valuesOnly(window("whole", {1, 1, 3, 5, 3}, {3, 5}, {2, 0}, true)),
                          valuesOnly(window("single", {2, 1, 3, 1, 17}, {1, 1}, {0, 0}, true)),
                          neighbourhood("biased", {1, 2, 5, 8, 3}, {3, 3}, true, 3),
                          valuesOnly(neighbourhood("tall", {2, 1, 7, 3, 3}, {5, 1}, false)),
                          valuesOnly(neighbourhood1d("biased", {2, 2, 17, 3}, 5, true, 6)),
                          valuesOnly(neighbourhood1d("all", {1, 3, 3, 3}, 3, false)),
                          valuesOnly(neighbourhood1d("one", {2, 1, 1, 3}, 1, true)),
                          axial("columns", {2, 2, 3, 4, 5}, 2, 2),
                          valuesOnly(axial("rows", {1, 2, 3, 17, 5}, -2, 3)),
                          valuesOnly(axial("depth", {1, 1, 2, 3, 4, 3}, 3, 3)),
                          valuesOnly(windowBlock()),
                          valuesOnly(neighbourhoodBlock()),
                          axialBlock()};
  return {"LocalAttention", mostlyWide(cases, {"window_shifted", "neighbourhood_biased"})};
}

std::vector<Case> batchLocalAttention() {
  return {valuesOnly(window("batch", {batch, 2, 4, 6, 3}, {2, 3}, {1, 2}, true)),
          valuesOnly(neighbourhood("batch", {batch, 2, 5, 9, 3}, {3, 1}, true, 2)),
          axial("batch", {batch, 2, 3, 4, 5}, 2, 2)};
}

} // namespace fovea::ops
