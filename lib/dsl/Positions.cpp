// Tables of positions, computed in double precision while the model is built.
#include "lib/dsl/Build.h"

#include <fovea/Model.h>
#include <fovea/Positions.h>

#include <cmath>

using namespace mlir;

namespace fovea {

using namespace dsl;

//===-- Added to tokens -------------------------------------------------------------------------------------------===//

/// The sizes of the last `count` axes of floats, all constant, the last one a multiple of `factor`.
static SmallVector<int64_t> lastSizes(const Frame &frame, const char *name, const char *shape, const Tensor &x,
                                      int64_t count, int64_t factor) {
  SmallVector<int64_t> sizes;
  bool fits = isFloat(x.dtype()) && x.rank() >= count;
  for (int64_t axis = -count; fits && axis < 0; ++axis) {
    std::optional<int64_t> size = x.dim(axis).constant();
    fits = size.has_value();
    if (fits) sizes.push_back(*size);
  }
  if (!fits || sizes.back() < 1 || sizes.back() % factor)
    frame.fail(std::string(name) + ": " + shapeText(Program::typeOf(x)) + " of " + elementText(x) +
               ": it must be floats (.., " + shape + "), these sizes constant and the last one a multiple of " +
               std::to_string(factor));
  return sizes;
}

static void checkBase(const Frame &frame, const char *name, double base) {
  if (!(base > 0)) frame.fail(std::string(name) + ": base is " + std::to_string(base) + ": it must be positive");
}

/// The angle of pair i of `width` channels at a position.
static double angleOf(double position, int64_t i, int64_t width, double base) {
  return position / std::pow(base, 2 * (double)i / (double)width);
}

static double sinusoid(int64_t position, int64_t channel, int64_t width, double base) {
  double angle = angleOf((double)position, channel / 2, width, base);
  return channel % 2 ? std::cos(angle) : std::sin(angle);
}

Tensor sinusoidal_positions(Located x, double base) {
  Frame frame(x);
  auto sizes = lastSizes(frame, "sinusoidal_positions", "positions, width", x, 2, 2);
  checkBase(frame, "sinusoidal_positions", base);
  checkTable("sinusoidal_positions", x, sizes[0] * sizes[1]);
  std::vector<double> values;
  for (int64_t position = 0; position < sizes[0]; ++position)
    for (int64_t channel = 0; channel < sizes[1]; ++channel)
      values.push_back(sinusoid(position, channel, sizes[1], base));
  return dsl::constant(Program::of(x), x.site, sizes, values, Program::typeOf(x).getElementType());
}

Tensor sinusoidal_positions_2d(Located x, double base) {
  Frame frame(x);
  auto sizes = lastSizes(frame, "sinusoidal_positions_2d", "rows, columns, width", x, 3, 4);
  checkBase(frame, "sinusoidal_positions_2d", base);
  checkTable("sinusoidal_positions_2d", x, sizes[0] * sizes[1] * sizes[2]);
  int64_t half = sizes[2] / 2;
  std::vector<double> values;
  for (int64_t row = 0; row < sizes[0]; ++row)
    for (int64_t column = 0; column < sizes[1]; ++column)
      for (int64_t channel = 0; channel < 2 * half; ++channel)
        values.push_back(sinusoid(channel < half ? row : column, channel % half, half, base));
  return dsl::constant(Program::of(x), x.site, sizes, values, Program::typeOf(x).getElementType());
}

//===-- Turned queries and keys -----------------------------------------------------------------------------------===//

namespace {
struct Turn {
  Tensor cosine, sine; // (.., positions, pairs)
};
} // namespace

/// Turns the first channels, as many as there are pairs for.
static Tensor turned(const Tensor &x, const Turn &turn, bool halves) {
  int64_t channels = *x.dim(-1).constant(), pairs = *turn.cosine.dim(-1).constant(), width = 2 * pairs;
  Tensor part = width == channels ? x : slice(x, -1, 0, width), first, second;
  Shape shape = part.shape(), apart = shape;
  apart.back() = pairs;
  if (halves) {
    first = slice(part, -1, 0, pairs), second = slice(part, -1, pairs, pairs);
  } else {
    apart.push_back(2);
    Tensor each = reshape(part, apart);
    first = pick(each, -1, 0), second = pick(each, -1, 1);
  }
  Tensor real = first * turn.cosine - second * turn.sine, imaginary = first * turn.sine + second * turn.cosine;
  Tensor result = halves ? concat({real, imaginary}, -1) : reshape(stack({real, imaginary}, -1), shape);
  return width == channels ? result : concat({result, slice(x, -1, width, channels - width)}, -1);
}

/// How many channels are turned.
static int64_t turnedWidth(const Frame &frame, const Tensor &x, const RotaryOptions &options) {
  int64_t channels = lastSizes(frame, "rotary", "channels", x, 1, 1)[0], width = options.width.value_or(channels);
  if (width < 2 || width > channels || width % 2)
    frame.fail("rotary: " + std::to_string(width) + " of " + std::to_string(channels) +
               " channels are turned: it must be an even number, from 2 to all of them: set .width");
  checkBase(frame, "rotary", options.base);
  return width;
}

/// Constants of the angles of `pairs` pairs at each of some positions.
static Turn turnOf(const Located &x, const char *name, int64_t positions, int64_t pairs,
                   llvm::function_ref<double(int64_t position, int64_t pair)> angle) {
  checkTable(name, x, positions * pairs);
  std::vector<double> cosines, sines;
  for (int64_t position = 0; position < positions; ++position)
    for (int64_t pair = 0; pair < pairs; ++pair) {
      cosines.push_back(std::cos(angle(position, pair)));
      sines.push_back(std::sin(angle(position, pair)));
    }
  Program &program = Program::of(x);
  Type element = Program::typeOf(x).getElementType();
  return {dsl::constant(program, x.site, {positions, pairs}, cosines, element),
          dsl::constant(program, x.site, {positions, pairs}, sines, element)};
}

Tensor rotary(Located x, RotaryOptions options) {
  Frame frame(x);
  int64_t positions = lastSizes(frame, "rotary", "positions, channels", x, 2, 1)[0],
          width = turnedWidth(frame, x, options);
  return turned(x,
                turnOf(x, "rotary", positions, width / 2,
                       [&](int64_t position, int64_t pair) {
                         return angleOf((double)(position + options.first), pair, width, options.base);
                       }),
                options.halves);
}

Tensor rotary(Located x, Located positions, RotaryOptions options) {
  Frame frame(x);
  Program &program = Program::of(x.site, {&x.tensor, &positions.tensor});
  int64_t width = turnedWidth(frame, x, options);
  Shape tokens = x.tensor.shape(), given = positions.tensor.shape(), column = given;
  tokens.pop_back();
  bool fits = positions.tensor.dtype() != DType::boolean && given.size() <= tokens.size();
  for (size_t d = 0; fits && d < given.size(); ++d) {
    const Dim &size = given[given.size() - 1 - d];
    fits = size == Dim(1) || size == tokens[tokens.size() - 1 - d];
  }
  if (!fits)
    frame.fail("rotary: positions " + shapeText(Program::typeOf(positions)) + " of " + elementText(positions) +
               " and x " + shapeText(Program::typeOf(x)) +
               ": positions must be numbers and broadcast to x's shape without its last dimension");
  DType dtype = x.tensor.dtype(), wide = dtype == f64 ? f64 : f32;
  std::vector<double> frequencies;
  for (int64_t pair = 0; pair < width / 2; ++pair) frequencies.push_back(angleOf(1, pair, width, options.base));
  column.push_back(1);
  Tensor angles = reshape(cast(positions.tensor, wide) + (double)options.first, column) *
                  dsl::constant(program, x.site, {width / 2}, frequencies, program.element(wide));
  return turned(x, {cast(cos(angles), dtype), cast(sin(angles), dtype)}, options.halves);
}

Tensor rotary_2d(Located x, Pair2d size, double base) {
  Frame frame(x);
  auto sizes = lastSizes(frame, "rotary_2d", "rows * columns, channels", x, 2, 4);
  checkBase(frame, "rotary_2d", base);
  if (size[0] < 1 || size[1] < 1 || sizes[0] != size[0] * size[1])
    frame.fail("rotary_2d: an image of " + std::to_string(size[0]) + " by " + std::to_string(size[1]) + " and " +
               std::to_string(sizes[0]) + " tokens, in " + shapeText(Program::typeOf(x)) +
               ": there must be one for each pixel");
  int64_t quarter = sizes[1] / 4; // pairs of each half of the channels
  return turned(x,
                turnOf(x, "rotary_2d", sizes[0], 2 * quarter,
                       [&](int64_t token, int64_t pair) {
                         int64_t place = pair < quarter ? token / size[1] : token % size[1];
                         return angleOf((double)place, pair % quarter, 2 * quarter, base);
                       }),
                false);
}

//===-- Added to scores -------------------------------------------------------------------------------------------===//

static void checkSizes(Site site, const char *name, int64_t queries, int64_t keys) {
  if (queries < 1 || keys < 1)
    dsl::fail({site}, Twine(name) + ": " + Twine(queries) + " queries and " + Twine(keys) +
                          " keys: there must be at least one of each");
}

/// Of the distance of each key from each query.
static std::vector<int64_t> byDistance(int64_t queries, int64_t keys, llvm::function_ref<int64_t(int64_t)> index) {
  std::vector<int64_t> result;
  for (int64_t query = 0; query < queries; ++query)
    for (int64_t key = 0; key < keys; ++key) result.push_back(index(key - query - (keys - queries)));
  return result;
}

std::vector<int64_t> relative_index(int64_t queries, int64_t keys, int64_t reach, Site site) {
  checkSizes(site, "relative_index", queries, keys);
  if (reach < 0) dsl::fail({site}, "relative_index: reach is " + Twine(reach) + ": it must not be negative");
  return byDistance(queries, keys, [&](int64_t distance) { return std::clamp(distance, -reach, reach) + reach; });
}

std::vector<int64_t> relative_index_2d(Pair2d size, Site site) {
  if (size[0] < 1 || size[1] < 1)
    dsl::fail({site}, "relative_index_2d: an image of " + Twine(size[0]) + " by " + Twine(size[1]) +
                          ": both must be at least 1");
  std::vector<int64_t> result;
  auto [rows, columns] = size;
  for (int64_t query = 0; query < rows * columns; ++query)
    for (int64_t key = 0; key < rows * columns; ++key)
      result.push_back((query / columns - key / columns + rows - 1) * (2 * columns - 1) + query % columns -
                       key % columns + columns - 1);
  return result;
}

std::vector<int64_t> relative_buckets(int64_t queries, int64_t keys, RelativeBucketsOptions options, Site site) {
  checkSizes(site, "relative_buckets", queries, keys);
  int64_t side = options.causal ? options.buckets : options.buckets / 2, exact = side / 2;
  if (side < 2 || (!options.causal && options.buckets % 2) || options.reach <= exact)
    dsl::fail({site}, "relative_buckets: " + Twine(options.buckets) + " buckets reach " + Twine(options.reach) +
                          ": there must be at least 2, or an even number of at least 4 if not causal, and they must " +
                          "reach beyond " + Twine(exact));
  return byDistance(queries, keys, [&](int64_t distance) {
    int64_t start = !options.causal && distance > 0 ? side : 0;
    int64_t away = options.causal ? std::max<int64_t>(-distance, 0) : std::abs(distance);
    if (away < exact) return start + away;
    double part = std::log((double)away / (double)exact) / std::log((double)options.reach / (double)exact);
    return start + std::min(exact + (int64_t)(part * (double)(side - exact)), side - 1);
  });
}

Tensor relative_bias(Located table, const std::vector<int64_t> &index, int64_t queries, int64_t keys) {
  Frame frame(table);
  RankedTensorType type = Program::typeOf(table);
  if (type.getRank() != 2 || !type.hasStaticShape() || !isFloat(table.tensor.dtype()))
    frame.fail("relative_bias: the table is " + shapeText(type) + " of " + elementText(table) +
               ": it must be floats (rows, heads)");
  checkSizes(table.site, "relative_bias", queries, keys);
  if ((int64_t)index.size() != queries * keys)
    frame.fail("relative_bias: " + std::to_string(index.size()) + " indices for " + std::to_string(queries) +
               " queries and " + std::to_string(keys) + " keys: there must be one for each query and key");
  for (int64_t row : index)
    if (row < 0 || row >= type.getDimSize(0))
      frame.fail("relative_bias: row " + std::to_string(row) + " of the table " + shapeText(type) +
                 ": indices must be below its number of rows");
  checkTable("relative_bias", table, queries * keys);
  Tensor rows = gather(table.tensor, dsl::constant(Program::of(table), table.site, {queries, keys}, index), 0);
  return transpose(rows, {2, 0, 1});
}

} // namespace fovea
