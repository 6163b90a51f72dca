// Score and mask functions as compositions of scalars.
#include "lib/dsl/Build.h"

#include <fovea/Functions.h>
#include <fovea/ScoreFunctions.h>

#include <cmath>

namespace fovea {

using namespace dsl;

ScoreFunction chain(ScoreFunction first, ScoreFunction second) {
  if (!first || !second) return first ? first : second;
  return [=](Scalar s, Index b, Index h, Index i, Index j) { return second(first(s, b, h, i, j), b, h, i, j); };
}

MaskFunction both(MaskFunction first, MaskFunction second) {
  if (!first || !second) return first ? first : second;
  return [=](Index b, Index h, Index i, Index j) { return logical_and(first(b, h, i, j), second(b, h, i, j)); };
}

/// The element of a tensor that broadcasts to (b, heads, queries, keys).
static Scalar loadBroadcast(const Located &tensor, const std::vector<Index> &places) {
  Shape shape = tensor.tensor.shape(tensor.site);
  if (shape.size() > places.size())
    Program::of(tensor).fail(tensor.site, "attention: a bias or mask of rank " + llvm::Twine(shape.size()) +
                                              " does not broadcast to (b, heads, queries, keys)");
  std::vector<Operand> indices;
  for (size_t d = 0; d < shape.size(); ++d) {
    Index place = places[places.size() - shape.size() + d];
    indices.push_back(shape[d] == Dim(1) ? Operand(0.0, tensor.site) : Operand(place, tensor.site));
  }
  return load(tensor, indices);
}

/// Row and column of a token of a grid.
struct Cell {
  Index row, column;
  Cell(const Index &token, int64_t width)
      : row(floor_div(token, (double)width)), column(remainder(token, (double)width)) {}
};

namespace scores {

ScoreFunction additive(Located bias) {
  return [=](Scalar s, Index b, Index h, Index i, Index j) {
    Scalar element = loadBroadcast(bias, {b, h, i, j});
    return s + (element.dtype() == s.dtype() ? element : cast(element, s.dtype()));
  };
}

ScoreFunction filled(Located mask) {
  // Rows without a key get zeros: at -1e9, their log-sum-exp would not hold the number of keys.
  Located fill(cast(any(mask, -1, true), f32) * -1e9, mask.site);
  return [=](Scalar s, Index b, Index h, Index i, Index j) {
    Scalar hidden = loadBroadcast(fill, {b, h, i, j});
    return where(loadBroadcast(mask, {b, h, i, j}), s, s.dtype() == f32 ? hidden : cast(hidden, s.dtype()));
  };
}

ScoreFunction alibi(int64_t heads, int64_t offset) {
  return [=](Scalar s, Index, Index h, Index i, Index j) {
    Scalar slope = exp(cast(h + 1, s.dtype()) * (-8 * M_LN2 / (double)heads));
    return s + slope * cast(j - i - (double)offset, s.dtype());
  };
}

ScoreFunction softcap(double cap) {
  return [=](Scalar s, Index, Index, Index, Index) { return tanh(s / cap) * cap; };
}

ScoreFunction relative(Located table, int64_t queries) {
  return [=](Scalar s, Index, Index h, Index i, Index j) { return s + load(table, h, j - i + (double)(queries - 1)); };
}

ScoreFunction relative_2d(Located table, std::array<int64_t, 2> grid, int64_t first) {
  return [=](Scalar s, Index, Index h, Index i, Index j) {
    Cell query(i - (double)first, grid[1]), key(j - (double)first, grid[1]);
    Scalar bias =
        load(table, h, key.row - query.row + (double)(grid[0] - 1), key.column - query.column + (double)(grid[1] - 1));
    if (!first) return s + bias;
    return s + where(minimum(i, j) < (double)first, 0, bias);
  };
}

ScoreFunction t5(Located table, int64_t max_distance, bool bidirectional, int64_t offset) {
  Shape shape = table.tensor.shape(table.site);
  std::optional<int64_t> rows = shape.size() == 2 ? shape[0].constant() : std::nullopt;
  int64_t least = bidirectional ? 4 : 2;
  if (!rows || *rows < least || *rows % least || max_distance <= *rows)
    Program::of(table).fail(table.site, "attention: T5's table must be (buckets, heads) with a multiple of " +
                                            llvm::Twine(least) +
                                            " buckets, fewer than max_distance = " + llvm::Twine(max_distance));
  int64_t buckets = bidirectional ? *rows / 2 : *rows, exact = buckets / 2;
  double factor = (double)(buckets - exact) / std::log((double)max_distance / (double)exact);
  return [=](Scalar s, Index, Index h, Index i, Index j) {
    Index ahead = j - i - (double)offset;
    Index distance = bidirectional ? abs(ahead) : maximum(-ahead, 0);
    Scalar logarithm = log(cast(maximum(distance, 1), s.dtype()) / (double)exact) * factor;
    Index far = minimum(cast(logarithm, i32) + (double)exact, (double)(buckets - 1));
    Index bucket = where(distance < (double)exact, distance, far);
    if (bidirectional) bucket = where(0 < ahead, bucket + (double)buckets, bucket);
    return s + load(table, bucket, h);
  };
}

} // namespace scores

namespace masks {

MaskFunction boolean(Located mask) {
  return [=](Index b, Index h, Index i, Index j) { return loadBroadcast(mask, {b, h, i, j}); };
}

MaskFunction document(Located ids) {
  return [=](Index b, Index, Index i, Index j) { return equal(load(ids, b, i), load(ids, b, j)); };
}

MaskFunction prefix(Located lengths) {
  return [=](Index b, Index, Index i, Index j) {
    Index length = load(lengths, b);
    return logical_or(j < (length.dtype() == i32 ? length : cast(length, i32)), j <= i);
  };
}

MaskFunction neighbourhood_2d(std::array<int64_t, 2> grid, int64_t radius) {
  return [=](Index, Index, Index i, Index j) {
    Cell query(i, grid[1]), key(j, grid[1]);
    return logical_and(abs(key.row - query.row) <= (double)radius, abs(key.column - query.column) <= (double)radius);
  };
}

MaskFunction shifted_windows(std::array<int64_t, 2> grid, std::array<int64_t, 2> window, std::array<int64_t, 2> shift) {
  return [=](Index b, Index, Index i, Index j) {
    int64_t rows = grid[0] / window[0], columns = grid[1] / window[1];
    Cell at(remainder(b, (double)(rows * columns)), columns);
    // Behind the last rows and columns of the shifted grid lies what came from its other end.
    auto side = [&](const Index &token) {
      Cell cell(token, window[1]);
      Index row = at.row * (double)window[0] + cell.row, column = at.column * (double)window[1] + cell.column;
      return cast(row < (double)(grid[0] - shift[0]), i32) * 2 + cast(column < (double)(grid[1] - shift[1]), i32);
    };
    return equal(side(i), side(j));
  };
}

} // namespace masks

} // namespace fovea
