// Rows of an operand as the columns of panels, which the tiles of a product read in vectors.
#pragma once

#include "lib/halide/Lowering.h"

namespace fovea {

/// `panels(column, d, panel, ...)` is element d of the row that is this column of the panel. Where the size of rows
/// allows it, a strip of four elements of each of `lanes` rows is read as it lies, and turned in registers.
class TransposedPanels {
public:
  TransposedPanels(KernelLowering &kernel, const std::string &name, int columns, int size, int lanes)
      : panels(kernel.func(name)), kernel(kernel), name(name), columns(columns), size(size), lanes(lanes) {}

  /// Of panels with the coordinates `args`. `element(column, d)` is what they hold but for a factor; it may use the
  /// other coordinates.
  void define(const std::vector<Halide::Var> &args,
              llvm::function_ref<Halide::Expr(const Halide::Expr &column, const Halide::Expr &d)> element,
              const Halide::Expr &factor) {
    column = args[0], d = args[1];
    if (!inStrips()) {
      panels(args) = element(column, d) * factor;
      return;
    }
    auto at = [&](auto index, auto group, auto strip) {
      std::vector<decltype(index)> result{index, group, strip};
      result.insert(result.end(), args.begin() + 2, args.end());
      return result;
    };
    auto turned = [&](Halide::Expr index) { return turns.back()(at(index, group, strip)); };
    // The index of an element is row * 4 + d as it is read. When two halves are interleaved, its highest bit becomes
    // the lowest: once for each bit of the row, and the index is d * lanes + row.
    std::vector<Halide::Var> vars = at(index, group, strip);
    turns = {kernel.func(name + "_strip")};
    turns[0](vars) = element(group * lanes + index / stripSize, strip * stripSize + index % stripSize);
    for (int bit = 1; bit < lanes; bit *= 2) {
      Halide::Func next = kernel.func(name + "_turned" + std::to_string(bit));
      next(vars) = select(index % 2 == 0, turned(index / 2), turned(index / 2 + stripSize * lanes / 2));
      turns.push_back(next);
    }
    panels(args) = turns.back()(at(d % stripSize * lanes + column % lanes, column / lanes, d / stripSize)) * factor;
  }

  void schedule(const Halide::LoopLevel &level) {
    panels.compute_at(level).bound_extent(column, columns);
    if (!inStrips()) {
      panels.vectorize(column, lanes);
      return;
    }
    Halide::Var lane("lane"), inStrip("in_strip"), row("row");
    panels.bound(d, 0, size).split(column, group, lane, lanes).split(d, strip, inStrip, stripSize);
    panels.reorder(lane, inStrip, group, strip).vectorize(lane).unroll(inStrip);
    for (Halide::Func one : turns) one.compute_at(panels, group).bound_extent(index, stripSize * lanes);
    turns[0].split(index, row, index, stripSize).vectorize(index).unroll(row);
    // In vectors as wide as those that two halves are read in make: none goes through memory, where it could not be
    // read before all that it was written in.
    int width = stripSize;
    for (Halide::Func one : llvm::drop_begin(turns)) {
      width = std::min(2 * width, stripSize * lanes);
      one.split(index, row, index, width).vectorize(index).unroll(row);
    }
  }

  Halide::Func panels;

private:
  static constexpr int stripSize = 4; // elements of each row
  bool inStrips() const { return size % stripSize == 0 && llvm::isPowerOf2_32(lanes); }

  KernelLowering &kernel;
  std::string name;
  int columns, size, lanes;
  Halide::Var column, d, index{"index"}, group{"group"}, strip{"strip"};
  std::vector<Halide::Func> turns; // a strip as it is read, and then after each turn
};

} // namespace fovea
