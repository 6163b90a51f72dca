// Learned positions.
#pragma once

#include <fovea/Functions.h>
#include <fovea/Model.h>

namespace fovea::nn {

/// x (.., positions, width) with a learned vector added at each position (Gehring et al. 2017, "Convolutional Sequence
/// to Sequence Learning", section 3.1). x may have fewer positions than there are vectors.
class LearnedPositions {
public:
  LearnedPositions(const Scope &at, int64_t positions, int64_t width)
      : table(at.parameter("weight", {positions, width}, truncated_normal(0.02))) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    int64_t most = *table.dim(0).constant();
    std::optional<int64_t> positions = x.tensor.rank() < 2 ? std::nullopt : x.tensor.dim(-2).constant();
    if (!positions || *positions > most || x.tensor.dim(-1) != table.dim(1))
      frame.fail("positions: x must be (.., positions, " + std::to_string(*table.dim(1).constant()) +
                 ") with at most the " + std::to_string(most) + " positions that were learned, a constant number");
    return x.tensor + (*positions == most ? table : slice(table, 0, 0, *positions));
  }

private:
  Tensor table;
};

/// x (.., rows, columns, width) with a learned vector added at each place of an image. They are learned for images of
/// one size, and interpolated for others (bicubic; Dosovitskiy et al. 2021, "An Image Is Worth 16x16 Words", section
/// 3.2).
class LearnedPositions2d {
public:
  LearnedPositions2d(const Scope &at, Pair2d size, int64_t width)
      : table(at.parameter("weight", {size[0], size[1], width}, truncated_normal(0.02))) {}

  Tensor operator()(Located x) const {
    Frame frame(x);
    bool ranked = x.tensor.rank() >= 3;
    std::optional<int64_t> rows = ranked ? x.tensor.dim(-3).constant() : std::nullopt,
                           columns = ranked ? x.tensor.dim(-2).constant() : std::nullopt;
    if (!rows || !columns || x.tensor.dim(-1) != table.dim(2))
      frame.fail("positions: x must be (.., rows, columns, " + std::to_string(*table.dim(2).constant()) +
                 ") with constant numbers of rows and columns");
    if (table.dim(0) == Dim(*rows) && table.dim(1) == Dim(*columns)) return x.tensor + table;
    Tensor image = reshape(transpose(table, {2, 0, 1}), {1, table.dim(2), table.dim(0), table.dim(1)});
    Tensor resized = resize(image, {*rows, *columns}, {.interpolation = Interpolation::bicubic});
    return x.tensor + transpose(reshape(resized, {table.dim(2), *rows, *columns}), {1, 2, 0});
  }

private:
  Tensor table;
};

} // namespace fovea::nn
