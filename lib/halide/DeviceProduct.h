// Products of two operands over a sum, on a device: of matrices, and convolutions as such.
#pragma once

#include "lib/halide/schedule/Device.h"

namespace fovea {

/// result(row, column) = sum over term of left(row, term) * right(term, column), for each of some outer coordinates. A
/// block of threads has a tile of rows by columns; both operands are staged in the memory that its threads share, some
/// terms at a time, and each thread adds to a tile in its registers.
class DeviceProduct {
public:
  /// An operand's element. `place` is a row or a column, below its extent, and so is `term`.
  using Operand = std::function<Halide::Expr(const Halide::Expr &place, const Halide::Expr &term, Coordinates outer)>;

  struct Shape {
    Halide::Expr rows, columns, terms;
    int outer = 0;                               // how many outer coordinates there are
    bool leftByTerm = true, rightByTerm = false; // which index of an operand neighbouring threads read
  };

  DeviceProduct(KernelLowering &kernel, const Shape &shape, const Operand &left, const Operand &right);

  /// The product's element.
  Halide::Expr operator()(const Halide::Expr &row, const Halide::Expr &column, Coordinates outer) const;

  /// Computes the tiles where `stage` of `func` reads them: its loops over rows, columns and outer coordinates. A sum
  /// that is cut into chunks is computed before.
  void schedule(Halide::Func func, Halide::Stage stage, const Halide::Var &row, const Halide::Var &column,
                const std::vector<Halide::Var> &outer);

private:
  Halide::Expr tileAt(const Halide::Expr &row, const Halide::Expr &column, const Halide::Expr &chunk,
                      Coordinates outer) const;
  void scheduleTile(Halide::Func func, Halide::Stage stage, Halide::Var row, Halide::Var column,
                    std::vector<Halide::Var> outer);

  KernelLowering &kernel;
  Shape shape;
  ThreadTile threads;
  int depth, chunks;
  Halide::Func left, right, tile, parts, total;
  Halide::RDom k;
  Halide::Var rowBlock{"row_block"}, columnBlock{"column_block"}, chunk{"chunk"}, place{"place"}, term{"term"},
      rowVar{"row"}, columnVar{"column"};
  std::vector<Halide::Var> outerVars;
};

} // namespace fovea
