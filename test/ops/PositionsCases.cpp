// Positions: sinusoids, rotations, tables by distance.
#include "test/ops/Functions.h"
#include "test/ops/Suites.h"

#include <fovea/Positions.h>
#include <fovea/nn/Positions.h>

#include <cmath>

namespace fovea::ops {

namespace {

using Tensors = std::vector<Tensor>;

/// The sinusoid of a channel of `width` at a position.
double sinusoidAt(int64_t position, int64_t channel, int64_t width, double base) {
  double angle = (double)position / std::pow(base, (double)(channel - channel % 2) / (double)width);
  return channel % 2 ? std::cos(angle) : std::sin(angle);
}

Case sinusoidal(const Shape &shape, double base) {
  return function(
      "sinusoidal_" + std::to_string(shape[1]), {{"x", shape}},
      [=](const Tensors &v) { return v[0] + sinusoidal_positions(v[0], base); },
      [=](const Arrays &a) {
        Array y = a[0];
        reference::for_each_index(shape,
                                  [&](const Shape &at) { y.at(at) += sinusoidAt(at[1], at[2], shape[2], base); });
        return y;
      },
      ulps(4, 4));
}

Case sinusoidal2d(const Shape &shape) {
  int64_t half = shape[3] / 2;
  return function(
      "sinusoidal_2d", {{"x", shape}}, [](const Tensors &v) { return v[0] * sinusoidal_positions_2d(v[0]); },
      [=](const Arrays &a) {
        Array y = a[0];
        reference::for_each_index(shape, [&](const Shape &at) {
          y.at(at) *=
              at[3] < half ? sinusoidAt(at[1], at[3], half, 10000) : sinusoidAt(at[2], at[3] - half, half, 10000);
        });
        return y;
      },
      ulps(4, 4));
}

/// Channels `first` and `second` of each row turned by an angle.
void turn(Array &y, const Array &x, Shape at, int64_t first, int64_t second, double angle) {
  Shape to = at;
  at.push_back(first), to.push_back(second);
  y.at(at) = x.at(at) * std::cos(angle) - x.at(to) * std::sin(angle);
  y.at(to) = x.at(at) * std::sin(angle) + x.at(to) * std::cos(angle);
}

Array rotated(const Array &x, const RotaryOptions &options, const std::function<double(const Shape &row)> &position) {
  int64_t width = options.width.value_or(x.shape.back());
  Array y = x;
  reference::for_each_index(Shape(x.shape.begin(), x.shape.end() - 1), [&](const Shape &row) {
    for (int64_t i = 0; i < width / 2; ++i) {
      double angle = (position(row) + (double)options.first) * std::pow(options.base, -2.0 * (double)i / (double)width);
      turn(y, x, row, options.halves ? i : 2 * i, options.halves ? i + width / 2 : 2 * i + 1, angle);
    }
  });
  return y;
}

Case rotaryCase(const std::string &name, const Shape &shape, const RotaryOptions &options) {
  return function(
      "rotary_" + name, {{"x", shape}}, [=](const Tensors &v) { return rotary(v[0], options); },
      [=](const Arrays &a) { return rotated(a[0], options, [](const Shape &row) { return (double)row.back(); }); },
      ulps(16, 2));
}

/// At positions (b, 1, n).
Case rotaryAt(const std::string &name, Operand positions, const RotaryOptions &options) {
  return function(
      "rotary_at_" + name, {{"x", {2, 3, 5, 8}}, positions},
      [=](const Tensors &v) { return rotary(v[0], v[1], options); },
      [=](const Arrays &a) {
        return rotated(a[0], options, [&](const Shape &row) {
          return a[1].rank() == 1 ? a[1].at({row[2]}) : a[1].at({row[0], 0, row[2]});
        });
      },
      ulps(64, 8));
}

Case rotary2d() {
  return function(
      "rotary_2d", {{"x", {2, 15, 8}}},
      [](const Tensors &v) {
        return rotary_2d(v[0], {3, 5}, 100);
      },
      [](const Arrays &a) {
        Array y = a[0];
        for (int64_t b = 0; b < 2; ++b)
          for (int64_t token = 0; token < 15; ++token)
            for (int64_t i = 0; i < 2; ++i) {
              double frequency = std::pow(100, -2.0 * (double)i / 4);
              turn(y, a[0], {b, token}, 2 * i, 2 * i + 1, double(token / 5) * frequency);
              turn(y, a[0], {b, token}, 4 + 2 * i, 5 + 2 * i, double(token % 5) * frequency);
            }
        return y;
      },
      ulps(16, 2));
}

/// Five queries, the last of eight keys' positions; a table of distances up to 2.
Case relative() {
  return function(
      "relative_bias", {{"table", {5, 3}}},
      [](const Tensors &v) { return relative_bias(v[0], relative_index(5, 8, 2), 5, 8); },
      [](const Arrays &a) {
        Array y({3, 5, 8});
        reference::for_each_index(y.shape, [&](const Shape &at) {
          int64_t distance = at[2] - (at[1] + 3);
          y.at(at) = a[0].at({(distance < -2 ? -2 : distance > 2 ? 2 : distance) + 2, at[0]});
        });
        return y;
      },
      {});
}

Case relative2d() {
  return function(
      "relative_bias_2d", {{"table", {15, 2}}},
      [](const Tensors &v) {
        return relative_bias(v[0], relative_index_2d({2, 3}), 6, 6);
      },
      [](const Arrays &a) {
        Array y({2, 6, 6});
        reference::for_each_index(y.shape, [&](const Shape &at) {
          int64_t rows = at[1] / 3 - at[2] / 3, columns = at[1] % 3 - at[2] % 3;
          y.at(at) = a[0].at({(rows + 1) * 5 + columns + 2, at[0]});
        });
        return y;
      },
      {});
}

Case learned(int64_t positions) {
  return block(
      "learned_" + std::to_string(positions), {{"x", {2, positions, 3}}, {"weight", {17, 3}}},
      [](const Model &model, const Tensors &v) { return nn::LearnedPositions(model, 17, 3)(v[0]); },
      [](const Arrays &a) {
        Array y = a[0];
        reference::for_each_index(y.shape, [&](const Shape &at) { y.at(at) += a[1].at({at[1], at[2]}); });
        return y;
      },
      ulps(2, 2));
}

/// An image of twice the size that was learned, whose values are the same everywhere: interpolated, they stay so.
Case learned2d(Pair2d size, Fill fill) {
  return block(
      "learned_2d_" + std::to_string(size[0]),
      {{"x", {2, size[0], size[1], 2}}, {"weight", {3, 5, 2}, std::move(fill)}},
      [](const Model &model, const Tensors &v) {
        return nn::LearnedPositions2d(model, {3, 5}, 2)(v[0]);
      },
      [=](const Arrays &a) {
        Array y = a[0];
        reference::for_each_index(y.shape, [&](const Shape &at) {
          y.at(at) += a[1].at({at[1] * 3 / size[0], at[2] * 5 / size[1], at[3]});
        });
        return y;
      },
      ulps(16, 2));
}

} // namespace

Suite positionsSuite() {
  std::vector<Case> cases{sinusoidal({2, 17, 6}, 10000),
                          sinusoidal({1, 1, 2}, 10),
                          sinusoidal2d({2, 3, 5, 8}),
                          rotaryCase("adjacent", {2, 3, 17, 6}, {}),
                          rotaryCase("one", {1, 1, 2}, {.first = 5}),
                          rotaryCase("halves", {3, 3, 8}, {.base = 500, .halves = true}),
                          rotaryCase("part", {2, 5, 7}, {.width = 4, .first = 3}),
                          rotaryCase("part_halves", {2, 5, 7}, {.width = 4, .halves = true}),
                          rotaryAt("integers", {"p", {5}, whole(-3, 40), Kind::i32}, {.halves = true}),
                          rotaryAt("reals", {"p", {2, 1, 5}, uniform(-3, 3)}, {.width = 6, .first = 2}),
                          rotary2d(),
                          relative(),
                          relative2d(),
                          learned(17),
                          learned(3),
                          learned(1),
                          learned2d({3, 5}, uniform(-2, 2)),
                          valuesOnly(learned2d({6, 10}, cycle({0.5, -1.25})))};
  return {"Positions", mostlyWide(cases, {"sinusoidal_17", "rotary_adjacent", "rotary_at_integers", "rotary_2d"})};
}

} // namespace fovea::ops
