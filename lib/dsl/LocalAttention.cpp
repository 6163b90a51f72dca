// Windows, neighbourhoods and axes: the keys that a query does not see are never multiplied.
#include "lib/dsl/Attend.h"

#include <fovea/LocalAttention.h>
#include <fovea/Positions.h>
#include <fovea/ScoreFunctions.h>

#include <cmath>

using namespace mlir;

namespace fovea {

using namespace dsl;

std::string dsl::textOf(const Tensor &x) { return shapeText(Program::typeOf(x)) + " of " + elementText(x); }

void dsl::checkHeads(const Frame &frame, const char *name, const char *shape, int64_t rank, const Located &query,
                     const Located &key, const Located &value) {
  Program::of(query.site, {&query.tensor, &key.tensor, &value.tensor});
  Shape sizes = query.tensor.shape(), values = value.tensor.shape();
  bool fits = isFloat(query.tensor.dtype()) && Program::typeOf(query) == Program::typeOf(key) &&
              query.tensor.dtype() == value.tensor.dtype() && (int64_t)sizes.size() == rank &&
              values.size() == sizes.size();
  for (size_t d = 0; fits && d < sizes.size(); ++d)
    fits =
        (d == 0 || (sizes[d].constant() && values[d].constant())) && (d + 1 == sizes.size() || sizes[d] == values[d]);
  if (!fits)
    frame.fail(std::string(name) + ": query " + textOf(query) + ", key " + textOf(key) + " and value " + textOf(value) +
               ": they must be floats of one type, " + shape + ", alike but for the d of value and constant but for b");
}

double dsl::scaleOf(const std::optional<double> &scale, const Tensor &query) {
  return scale.value_or(1 / std::sqrt((double)query.dim(-1).constant().value_or(1)));
}

Tensor dsl::counted(const Located &x, int64_t size, int64_t behind) {
  SmallVector<int64_t> shape(behind + 1, 1), places = llvm::to_vector(llvm::seq<int64_t>(0, size));
  shape[0] = size;
  return dsl::constant(Program::of(x), x.site, shape, places);
}

static std::string sizeText(Pair2d size) { return std::to_string(size[0]) + " by " + std::to_string(size[1]); }

Tensor roll(Located x, int64_t axis, int64_t shift) {
  int64_t front = frontAxis("roll", x, axis), size = dsl::constantSize("roll", x, front);
  if (size == 0) return x;
  int64_t moved = (shift % size + size) % size;
  if (moved == 0) return x;
  Frame frame(x);
  return concat({slice(x.tensor, front, size - moved, moved), slice(x.tensor, front, 0, size - moved)}, front);
}

//===-- Windows ---------------------------------------------------------------------------------------------------===//

/// Fails unless windows divide an image.
static void checkWindow(const Frame &frame, const char *name, Pair2d window, Pair2d size) {
  for (int d : {0, 1})
    if (window[d] < 1 || size[d] < 1 || size[d] % window[d])
      frame.fail(std::string(name) + ": windows of " + sizeText(window) + " do not divide an image of " +
                 sizeText(size) + ": pad it, or choose others");
}

Tensor window_partition(Located x, Pair2d window) {
  Frame frame(x);
  Shape shape = x.tensor.shape();
  size_t rank = shape.size(), at = rank - 3; // of the rows
  if (rank < 3 || !shape[at].constant() || !shape[at + 1].constant())
    frame.fail("window_partition: " + shapeText(Program::typeOf(x)) + " must be (.., h, w, c) with constant h and w");
  Pair2d size = {*shape[at].constant(), *shape[at + 1].constant()};
  checkWindow(frame, "window_partition", window, size);
  Shape outer(shape.begin(), shape.begin() + (int64_t)at), apart = outer, result = outer;
  apart.insert(apart.end(), {size[0] / window[0], window[0], size[1] / window[1], window[1], shape.back()});
  result.insert(result.end(), {size[0] / window[0] * (size[1] / window[1]), window[0] * window[1], shape.back()});
  std::vector<int64_t> order;
  for (size_t d = 0; d < rank + 2; ++d) order.push_back((int64_t)d);
  std::swap(order[at + 1], order[at + 2]);
  return reshape(transpose(reshape(x.tensor, apart), order), result);
}

Tensor window_merge(Located windows, Pair2d window, Pair2d size) {
  Frame frame(windows);
  checkWindow(frame, "window_merge", window, size);
  Shape shape = windows.tensor.shape();
  Pair2d counts = {size[0] / window[0], size[1] / window[1]};
  size_t rank = shape.size(), at = rank - 3; // of the windows
  if (rank < 3 || shape[at] != Dim(counts[0] * counts[1]) || shape[at + 1] != Dim(window[0] * window[1]))
    frame.fail("window_merge: " + shapeText(Program::typeOf(windows)) + " must be (.., " +
               std::to_string(counts[0] * counts[1]) + ", " + std::to_string(window[0] * window[1]) +
               ", c): an image of " + sizeText(size) + " in windows of " + sizeText(window));
  Shape outer(shape.begin(), shape.begin() + (int64_t)at), apart = outer, result = outer;
  apart.insert(apart.end(), {counts[0], counts[1], window[0], window[1], shape.back()});
  result.insert(result.end(), {size[0], size[1], shape.back()});
  std::vector<int64_t> order;
  for (size_t d = 0; d < rank + 2; ++d) order.push_back((int64_t)d);
  std::swap(order[at + 1], order[at + 2]);
  return reshape(transpose(reshape(windows.tensor, apart), order), result);
}

/// Fails unless a table of biases, if there is one, has so many rows, and a column for each head.
static void checkBias(const Frame &frame, const char *name, const std::optional<Tensor> &table, int64_t rows,
                      const Tensor &query) {
  if (table && (table->shape() != Shape{rows, query.dim(1)} || table->dtype() != query.dtype()))
    frame.fail(std::string(name) + ": relative_bias is " + textOf(*table) + ": it must be (" + std::to_string(rows) +
               ", " + std::to_string(*query.dim(1).constant()) + ") of " + elementText(query) +
               ", a row for each distance and a column for each head");
}

Tensor window_attention(Located query, Located key, Located value, const WindowAttentionOptions &options) {
  Frame frame(query);
  checkHeads(frame, "window_attention", "(b, heads, h, w, d)", 5, query, key, value);
  Shape shape = query.tensor.shape();
  Pair2d size = {*shape[2].constant(), *shape[3].constant()}, window = options.window, shift = options.shift;
  checkWindow(frame, "window_attention", window, size);
  for (int d : {0, 1})
    if (shift[d] < 0 || shift[d] >= window[d])
      frame.fail("window_attention: a shift of " + sizeText(shift) + " of windows of " + sizeText(window) +
                 ": it must be less than the window, and not negative");
  checkBias(frame, "window_attention", options.relative_bias, (2 * window[0] - 1) * (2 * window[1] - 1), query);
  int64_t tokens = window[0] * window[1], windows = size[0] * size[1] / tokens;
  auto cut = [&](const Tensor &x) { // windows as items
    Tensor parts = window_partition(roll(roll(x, 2, -shift[0]), 3, -shift[1]), window);
    return reshape(transpose(parts, {0, 2, 1, 3, 4}), {shape[0] * windows, shape[1], tokens, x.dim(-1)});
  };
  AttentionOptions functions{.scale = scaleOf(options.scale, query)};
  if (options.relative_bias) {
    Tensor table = *options.relative_bias,
           index = dsl::constant(Program::of(query), query.site, {tokens, tokens}, relative_index_2d(window));
    functions.score = [=](Scalar s, Index, Index h, Index i, Index j) { return s + load(table, load(index, i, j), h); };
  }
  if (shift[0] || shift[1]) functions.mask = masks::shifted_windows(size, window, shift);
  Tensor seen = attention(cut(query), cut(key), cut(value), functions);
  seen = transpose(reshape(seen, {shape[0], windows, shape[1], tokens, value.tensor.dim(-1)}), {0, 2, 1, 3, 4});
  return roll(roll(window_merge(seen, window, size), 2, shift[0]), 3, shift[1]);
}

//===-- Neighbourhoods --------------------------------------------------------------------------------------------===//

namespace {
/// Neighbourhoods along one axis, whose queries are cut into tiles, and the keys that a tile's queries see between
/// them.
struct Tiled {
  int64_t extent, size, tile, tiles, reach;

  Tiled(int64_t extent, int64_t size, int64_t wanted)
      : extent(extent), size(size), tile(std::min(extent, std::max(size, wanted))), tiles((extent + tile - 1) / tile),
        reach(std::min(extent, tile + size - 1)) {}

  /// Behind the last query the tiles have copies of it.
  int64_t query(int64_t at) const { return std::min(at, extent - 1); }
  /// The first key that a query sees, and the first of a tile.
  int64_t firstSeen(int64_t at) const { return std::clamp<int64_t>(query(at) - size / 2, 0, extent - size); }
  int64_t firstKey(int64_t of) const { return std::clamp<int64_t>(of * tile - size / 2, 0, extent - reach); }
};

/// Those of an image, tile by tile: where queries are and where their neighbourhoods begin, and where keys are. A place
/// is its row times `turn`, plus its column, so that a difference of two is a row of a table of biases.
struct Neighbourhoods {
  Tiled rows, columns;
  int64_t turn, tiles = rows.tiles * columns.tiles, queries = rows.tile * columns.tile,
                keys = rows.reach * columns.reach;
  SmallVector<int64_t> places, firstRows, firstColumns, keyPlaces, keyRows, keyColumns, keyIndices;

  Neighbourhoods(Pair2d image, Pair2d size, int64_t tile)
      : rows(image[0], size[0], tile), columns(image[1], size[1], tile), turn(2 * size[1] - 1) {}

  void list() {
    for (int64_t down = 0; down < rows.tiles; ++down)
      for (int64_t along = 0; along < columns.tiles; ++along) {
        for (int64_t i = 0; i < queries; ++i) {
          int64_t row = down * rows.tile + i / columns.tile, column = along * columns.tile + i % columns.tile;
          places.push_back(rows.query(row) * turn + columns.query(column));
          firstRows.push_back(rows.firstSeen(row)), firstColumns.push_back(columns.firstSeen(column));
        }
        for (int64_t i = 0; i < keys; ++i) {
          int64_t row = rows.firstKey(down) + i / columns.reach, column = columns.firstKey(along) + i % columns.reach;
          keyRows.push_back(row), keyColumns.push_back(column), keyPlaces.push_back(row * turn + column);
          keyIndices.push_back(row * columns.extent + column);
        }
      }
  }

  /// Numbers of keys less those of queries: (tiles, queries, keys).
  Tensor difference(const Located &x, ArrayRef<int64_t> ofKeys, ArrayRef<int64_t> ofQueries) const {
    Program &program = Program::of(x);
    return dsl::constant(program, x.site, {tiles, 1, keys}, ofKeys) -
           dsl::constant(program, x.site, {tiles, queries, 1}, ofQueries);
  }
  /// Whether queries see keys.
  Tensor seen(const Located &x) const {
    Tensor down = difference(x, keyRows, firstRows), along = difference(x, keyColumns, firstColumns);
    return logical_and(logical_and(down >= 0, down < (double)rows.size),
                       logical_and(along >= 0, along < (double)columns.size));
  }
  /// (heads, tiles, queries, keys), something or other where a key is not seen.
  Tensor bias(const Located &x, const Tensor &table) const {
    Tensor row = difference(x, keyPlaces, places) + (double)((rows.size - 1) * turn + columns.size - 1);
    Tensor known = clamp(row, 0, (double)((2 * rows.size - 1) * turn - 1));
    return transpose(gather(table, known), {3, 0, 1, 2});
  }
};
} // namespace

/// Of an image's heads (b, heads, .., d): each tile of queries times all keys that one of them sees.
static Tensor neighbourhood(const Frame &frame, const char *name, const Located &query, const Tensor &key,
                            const Tensor &value, Pair2d image, Pair2d size, const NeighbourhoodOptions &options) {
  for (int d : {0, 1})
    if (size[d] < 1 || size[d] > image[d] || size[d] % 2 == 0)
      frame.fail(std::string(name) + ": neighbourhoods of " + std::to_string(size[d]) + " of " +
                 std::to_string(image[d]) + ": their size must be odd, and at most that of what they are in");
  checkBias(frame, name, options.relative_bias, (2 * size[0] - 1) * (2 * size[1] - 1), query);
  int64_t tile = options.tile.value_or(image[0] == 1 ? 32 : 8);
  if (tile < 1) frame.fail(std::string(name) + ": tile is " + std::to_string(tile) + ": it must be at least 1");
  Neighbourhoods n(image, size, tile);
  checkTable(name, query, n.tiles * (n.queries + n.keys));
  n.list();

  Dim b = query.tensor.dim(0), heads = query.tensor.dim(1);
  Pair2d tiled = {n.rows.tile, n.columns.tile}, whole = {n.rows.tiles * tiled[0], n.columns.tiles * tiled[1]};
  Tensor index = dsl::constant(Program::of(query), query.site, {n.tiles, n.keys}, n.keyIndices);
  auto near = [&](const Tensor &x) { return gather(reshape(x, {b, heads, image[0] * image[1], x.dim(-1)}), index, 2); };
  Tensor padded = reshape(query, {b, heads, image[0], image[1], query.tensor.dim(-1)});
  padded = pad(pad(padded, 2, 0, whole[0] - image[0]), 3, 0, whole[1] - image[1]);
  Tensor scores = matmul(window_partition(padded, tiled), near(key), {.transpose_b = true});
  scores = scores * scaleOf(options.scale, query);
  if (options.relative_bias) scores = scores + n.bias(query, *options.relative_bias);
  Tensor weights = softmax(where(n.seen(query), scores, lowest(scores.dtype())));
  Tensor merged = window_merge(matmul(weights, near(value)), tiled, whole);
  return reshape(slice(slice(merged, 2, 0, image[0]), 3, 0, image[1]), value.shape());
}

Tensor neighbourhood_attention(Located query, Located key, Located value, int64_t size,
                               const NeighbourhoodOptions &options) {
  Frame frame(query);
  checkHeads(frame, "neighbourhood_attention", "(b, heads, n, d)", 4, query, key, value);
  return neighbourhood(frame, "neighbourhood_attention", query, key, value, {1, *query.tensor.dim(2).constant()},
                       {1, size}, options);
}

Tensor neighbourhood_attention_2d(Located query, Located key, Located value, Pair2d size,
                                  const NeighbourhoodOptions &options) {
  Frame frame(query);
  checkHeads(frame, "neighbourhood_attention_2d", "(b, heads, h, w, d)", 5, query, key, value);
  Pair2d image = {*query.tensor.dim(2).constant(), *query.tensor.dim(3).constant()};
  return neighbourhood(frame, "neighbourhood_attention_2d", query, key, value, image, size, options);
}

//===-- Axes ------------------------------------------------------------------------------------------------------===//

Tensor axial_attention(Located query, Located key, Located value, int64_t axis, AttentionOptions options) {
  Frame frame(query);
  int64_t rank = query.tensor.rank(), front = frontAxis("axial_attention", query, axis);
  if (front < 2 || front > rank - 2)
    frame.fail("axial_attention: axis " + std::to_string(axis) + " of " + shapeText(Program::typeOf(query)) +
               ", which must be (b, heads, .., d): it must be one between heads and d");
  checkHeads(frame, "axial_attention", "(b, heads, .., d)", rank, query, key, value);
  // The other axes of the image go with the batch.
  std::vector<int64_t> order{0}, back(rank);
  for (int64_t d = 2; d < rank - 1; ++d)
    if (d != front) order.push_back(d);
  order.insert(order.end(), {1, front, rank - 1});
  for (int64_t d = 0; d < rank; ++d) back[order[d]] = d;
  auto lines = [&](const Tensor &x) {
    Dim items = 1;
    for (int64_t d = 0; d < rank - 3; ++d) items = items * x.dim(order[d]);
    return reshape(transpose(x, order), {items, x.dim(1), x.dim(front), x.dim(-1)});
  };
  Tensor mixed = attention(lines(query), lines(key), lines(value), options);
  Shape apart;
  for (int64_t d : order) apart.push_back(value.tensor.dim(d));
  return transpose(reshape(mixed, apart), back);
}

} // namespace fovea
