// Tiles of products.
#include "lib/halide/DeviceProduct.h"

using Halide::Expr;
using Halide::Func;
using Halide::Stage;
using Halide::TailStrategy;
using Halide::Var;
using Halide::VarOrRVar;

namespace fovea {

constexpr auto guard = TailStrategy::GuardWithIf;

static std::vector<Expr> expressions(const std::vector<Var> &vars) { return {vars.begin(), vars.end()}; }

template <typename Index> static std::vector<Index> with(std::vector<Index> first, const std::vector<Var> &rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

/// The tile of a block by the schedule.
static ThreadTile tileOf(ScheduleAttr schedule) {
  auto rows = (int)schedule.getTask(), columns = (int)schedule.getWidth();
  return {rows, columns, rows / (int)schedule.getRows(), columns / (int)schedule.getColumns(),
          (int)schedule.getVector()};
}

DeviceProduct::DeviceProduct(KernelLowering &kernel, const Shape &shape, const Operand &leftAt, const Operand &rightAt)
    : kernel(kernel), shape(shape), threads(tileOf(kernel.schedule())), depth((int)kernel.schedule().getDepth()),
      chunks((int)kernel.schedule().getChunks()), left(kernel.func("left")), right(kernel.func("right")),
      tile(kernel.func("tile")) {
  for (int d = 0; d < shape.outer; ++d) outerVars.push_back(Var("outer" + std::to_string(d)));
  // Beyond the last term both operands are 0, and beyond the last row or column they are the last one.
  auto stage = [&](Func operand, const Operand &at, const Expr &extent) {
    Expr inside = min(place, extent - 1), last = min(term, shape.terms - 1);
    Expr element = at(inside, last, expressions(outerVars));
    std::optional<int64_t> terms = constantOf(shape.terms);
    bool whole = terms && *terms % (depth * chunks) == 0;
    operand(with<Var>({place, term}, outerVars)) =
        whole ? element : select(term < shape.terms, element, Halide::Internal::make_zero(element.type()));
  };
  stage(left, leftAt, shape.rows);
  stage(right, rightAt, shape.columns);

  Expr perChunk = (shape.terms + depth * chunks - 1) / (depth * chunks); // steps of `depth` terms
  k = KernelLowering::reduction("k", {depth, perChunk});
  Expr at = (chunk * perChunk + k.y) * depth + k.x;
  std::vector<Var> vars = threads.vars(with<Var>({rowBlock, columnBlock, chunk}, outerVars));
  tile(vars) = Halide::Internal::make_zero(left.type());
  tile(vars) += left(with<Expr>({rowBlock * threads.rows + threads.row(), at}, outerVars)) *
                right(with<Expr>({columnBlock * threads.columns + threads.column(), at}, outerVars));
  if (chunks == 1) return;
  parts = kernel.func("parts");
  total = kernel.func("total");
  parts(with<Var>({columnVar, rowVar, chunk}, outerVars)) = tileAt(rowVar, columnVar, chunk, expressions(outerVars));
  Halide::RDom each = KernelLowering::reduction("each", {chunks});
  std::vector<Var> element = with<Var>({columnVar, rowVar}, outerVars);
  total(element) = Halide::Internal::make_zero(left.type());
  total(element) += parts(with<Expr>({Expr(columnVar), Expr(rowVar), Expr(each.x)}, outerVars));
}

Expr DeviceProduct::tileAt(const Expr &row, const Expr &column, const Expr &chunk, Coordinates outer) const {
  std::vector<Expr> rest{row / threads.rows, column / threads.columns, chunk};
  rest.insert(rest.end(), outer.begin(), outer.end());
  return tile(threads.at(row % threads.rows, column % threads.columns, rest));
}

Expr DeviceProduct::operator()(const Expr &row, const Expr &column, Coordinates outer) const {
  if (chunks == 1) return tileAt(row, column, 0, outer);
  std::vector<Expr> at{column, row};
  at.insert(at.end(), outer.begin(), outer.end());
  return total(at);
}

void DeviceProduct::schedule(Func func, Stage stage, const Var &row, const Var &column, const std::vector<Var> &outer) {
  if (chunks == 1) return scheduleTile(func, stage, row, column, outer);
  total.compute_at(func, elementPerThread(stage));
  parts.compute_root().bound(rowVar, 0, shape.rows).bound(columnVar, 0, shape.columns).bound(chunk, 0, chunks);
  scheduleTile(parts, parts, rowVar, columnVar, with<Var>({chunk}, outerVars));
}

/// Blocks of rows and columns; in a block, threads down and across it; in a thread, its tile. The first dimension of
/// blocks takes what may be many, outer coordinates or else rows: of the others devices have but 65,535.
void DeviceProduct::scheduleTile(Func func, Stage stage, Var row, Var column, std::vector<Var> outer) {
  Var inRow("in_row"), inColumn("in_column");
  stage.split(column, columnBlock, inColumn, threads.columns, guard).split(row, rowBlock, inRow, threads.rows, guard);
  std::vector<VarOrRVar> order{inColumn, inRow};
  order.insert(order.end(), outer.begin(), outer.end());
  order.push_back(rowBlock);
  order.push_back(columnBlock);
  stage.reorder(order);
  threads.share(stage, inRow, inColumn);
  Var block = outer.empty() ? rowBlock : fuseAll(stage, outer);
  if (!outer.empty()) stage.gpu_blocks(block);
  stage.gpu_blocks(rowBlock).gpu_blocks(columnBlock);

  Halide::LoopLevel atStep(tile, k.y);
  threads.keep(tile, Halide::LoopLevel(func, block), with<Var>({rowBlock, columnBlock, chunk}, outerVars));
  threads.sum(tile.update(), {k.x}, {k.y});
  tile.update().unroll(k.x);
  threads.copy(left, atStep, threads.rows, depth, shape.leftByTerm);
  threads.copy(right, atStep, threads.columns, depth, shape.rightByTerm);
}

} // namespace fovea
