// Tiles of products.
#include "lib/halide/DeviceProduct.h"

#include "lib/halide/schedule/Device.h"

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

DeviceProduct::DeviceProduct(KernelLowering &kernel, const Shape &shape, const Operand &leftAt, const Operand &rightAt)
    : kernel(kernel), shape(shape), tileRows((int)kernel.schedule().getTask()),
      tileColumns((int)kernel.schedule().getWidth()), rows((int)kernel.schedule().getRows()),
      columns((int)kernel.schedule().getColumns()), vector((int)kernel.schedule().getVector()),
      depth((int)kernel.schedule().getDepth()), chunks((int)kernel.schedule().getChunks()),
      threadsDown(tileRows / rows), threadsAcross(tileColumns / columns), left(kernel.func("left")),
      right(kernel.func("right")), tile(kernel.func("tile")) {
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
  std::vector<Var> vars = with<Var>({j, i, across, down, rowBlock, columnBlock, chunk}, outerVars);
  tile(vars) = Halide::Internal::make_zero(left.type());
  tile(vars) += left(with<Expr>({rowBlock * tileRows + down * rows + i, at}, outerVars)) *
                right(with<Expr>({columnBlock * tileColumns + columnInTile(j, across), at}, outerVars));
  if (chunks == 1) return;
  parts = kernel.func("parts");
  total = kernel.func("total");
  parts(with<Var>({columnVar, rowVar, chunk}, outerVars)) = tileAt(rowVar, columnVar, chunk, expressions(outerVars));
  Halide::RDom each = KernelLowering::reduction("each", {chunks});
  std::vector<Var> element = with<Var>({columnVar, rowVar}, outerVars);
  total(element) = Halide::Internal::make_zero(left.type());
  total(element) += parts(with<Expr>({Expr(columnVar), Expr(rowVar), Expr(each.x)}, outerVars));
}

/// A thread has groups of `vector` neighbouring columns, so that neighbouring threads read neighbouring groups.
Expr DeviceProduct::columnInTile(const Expr &j, const Expr &thread) const {
  return j / vector * (threadsAcross * vector) + thread * vector + j % vector;
}

Expr DeviceProduct::tileAt(const Expr &row, const Expr &column, const Expr &chunk, Coordinates outer) const {
  Expr inRow = row % tileRows, inColumn = column % tileColumns, group = inColumn / vector;
  std::vector<Expr> at{group / threadsAcross * vector + inColumn % vector,
                       inRow % rows,
                       group % threadsAcross,
                       inRow / rows,
                       row / tileRows,
                       column / tileColumns,
                       chunk};
  at.insert(at.end(), outer.begin(), outer.end());
  return tile(at);
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

/// Blocks of rows and columns; in a block, threads down and across it; in a thread, its tile.
void DeviceProduct::scheduleTile(Func func, Stage stage, Var row, Var column, std::vector<Var> outer) {
  Var inRow("in_row"), inColumn("in_column"), group("lanes_of_thread"), lane("lane");
  stage.split(column, columnBlock, inColumn, tileColumns, guard)
      .split(inColumn, group, inColumn, threadsAcross * vector);
  stage.split(inColumn, across, lane, vector)
      .split(row, rowBlock, inRow, tileRows, guard)
      .split(inRow, down, inRow, rows);
  std::vector<VarOrRVar> order{lane, group, inRow, across, down, rowBlock, columnBlock};
  order.insert(order.end(), outer.begin(), outer.end());
  stage.reorder(order).unroll(lane).unroll(group).unroll(inRow);
  // Three dimensions of blocks: the last takes all outer coordinates.
  std::vector<Var> blocks{rowBlock, columnBlock};
  if (!outer.empty()) {
    Var all = outer[0];
    for (size_t d = 1; d < outer.size(); ++d) {
      Var fused("outers" + std::to_string(d));
      stage.fuse(all, outer[d], fused);
      all = fused;
    }
    blocks.push_back(all);
  }
  for (const Var &each : blocks) stage.gpu_blocks(each);
  stage.gpu_threads(across, down);

  tile.store_in(Halide::MemoryType::Register).compute_at(func, rowBlock);
  tile.bound(j, 0, columns).bound(i, 0, rows).bound(across, 0, threadsAcross).bound(down, 0, threadsDown);
  tile.bound_extent(rowBlock, 1).bound_extent(columnBlock, 1).bound_extent(chunk, 1);
  for (const Var &each : outerVars) tile.bound_extent(each, 1);
  // The threads' dimensions are the outermost of what is stored.
  std::vector<Var> storage = with<Var>({j, i, rowBlock, columnBlock, chunk}, outerVars);
  storage.push_back(across);
  storage.push_back(down);
  tile.reorder_storage(storage);
  tile.unroll(j).unroll(i).gpu_threads(across, down);
  Stage sum = tile.update();
  sum.reorder({j, i, k.x, across, down, k.y});
  if (vector > 1) {
    Var lanes("lanes");
    sum.split(j, j, lanes, vector).vectorize(lanes);
  }
  sum.unroll(j).unroll(i).unroll(k.x).gpu_threads(across, down);
  stageOperand(left, shape.leftByTerm);
  stageOperand(right, shape.rightByTerm);
}

/// All threads of the block copy; rows of the copy are apart from each other, so that they lie in different banks.
void DeviceProduct::stageOperand(Func operand, bool byTerm) {
  int places = operand.name() == left.name() ? tileRows : tileColumns, threads = threadsAcross * threadsDown;
  operand.compute_at(tile, k.y).store_in(Halide::MemoryType::GPUShared);
  operand.bound_extent(place, places).bound_extent(term, depth);
  for (const Var &each : outerVars) operand.bound_extent(each, 1);
  if (byTerm) operand.align_storage(place, places + 4);
  Var element("element"), step("step"), lane("lane");
  if (byTerm) operand.reorder(term, place);
  byTerm ? operand.fuse(term, place, element) : operand.fuse(place, term, element);
  operand.split(element, step, lane, threads, guard).split(lane, down, across, threadsAcross);
  operand.reorder(step, across, down).unroll(step).gpu_threads(across, down);
}

} // namespace fovea
