// Sums, products and maxima over axes: along rows in vector lanes, down columns in chunks.
#include "lib/halide/Families.h"
#include "lib/halide/Math.h"
#include "lib/halide/RowReduction.h"
#include "lib/halide/schedule/Device.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

namespace fovea {
namespace {

/// One reduction on its way: x over `axes`.
class Reduction {
public:
  Reduction(KernelLowering &kernel, Value x, Value result, ArrayRef<int64_t> axes, bool keep, RowReduction::Kind kind)
      : kernel(kernel), x(x), result(result), axes(axes.begin(), axes.end()), keep(keep), kind(kind),
        type(cast<RankedTensorType>(x.getType())), extents(kernel.extents(type)),
        vars(kernel.variables(cast<RankedTensorType>(result.getType()).getRank())) {}

  void lower() {
    bool last = !axes.empty() && axes.back() == type.getRank() - 1;
    if (last && (axes.size() == 1 ? !reducesInChunks() : !kernel.onDevice()))
      alongRows();
    else if (reducesInChunks())
      kernel.onDevice()
          ? inChunksOnDevice()
          : inChunks(reducedExtents(), [&](const std::vector<Expr> &at) { return kernel.load(x, coordinates(at)); });
    else
      downColumns();
  }

  /// The first of those elements that equal the largest: extent - j, which falls along the axis, is largest at it.
  void lowerArgmax() {
    std::vector<Var> row = kernel.reversed(vars);
    std::vector<Expr> at(row.begin(), row.end());
    Expr extent = reducedExtents()[0];
    auto element = [&](const Expr &j) { return kernel.load(x, coordinates({j})); };
    RowReduction largest(kernel, "largest", row, extent, RowReduction::max, element);
    RowReduction first(kernel, "first", row, extent, RowReduction::max, [&](const Expr &j) {
      Expr value = element(j), same = value == largest.total(at);
      if (value.type().is_float()) same = same || math::isNan(value);
      return select(same, extent - j, 0);
    });
    Func index = kernel.func("argmax");
    index(row) = Halide::cast<int64_t>(extent - first.total(at));
    kernel.bind(result, index);
    scheduleElements(kernel, {&largest, &first});
  }

private:
  /// x's coordinates: kept ones from the result's, reduced ones from `reduced`, in order of the axes.
  std::vector<Expr> coordinates(ArrayRef<Expr> reduced) const {
    std::vector<Expr> at;
    size_t kept = 0, next = 0;
    for (int64_t d = 0; d < type.getRank(); ++d)
      if (llvm::is_contained(axes, d)) {
        at.push_back(reduced[next++]);
        kept += keep;
      } else {
        at.push_back(vars[kept++]);
      }
    return at;
  }
  std::vector<Expr> reducedExtents() const {
    std::vector<Expr> result;
    for (int64_t axis : axes) result.push_back(extents[axis]);
    return result;
  }

  /// Every reduced row along its last dimension in lanes, and the rows one after another.
  void alongRows() {
    std::vector<Var> row = kernel.reversed(vars);
    std::vector<Expr> outer = reducedExtents();
    Expr extent = outer.back();
    outer.pop_back();
    if (outer.empty()) {
      RowReduction reduction(kernel, "reduction", row, extent, kind,
                             [&](const Expr &j) { return kernel.load(x, coordinates({j})); });
      kernel.bind(result, reduction.total);
      scheduleElements(kernel, {&reduction});
      return;
    }
    std::vector<Var> rows;
    std::vector<Expr> at;
    for (size_t d = 0; d < outer.size(); ++d) {
      rows.push_back(Var("outer" + std::to_string(d)));
      at.push_back(rows.back());
    }
    std::vector<Var> inner = kernel.reversed(rows);
    inner.insert(inner.end(), row.begin(), row.end());
    RowReduction reduction(kernel, "row", inner, extent, kind, [&](const Expr &j) {
      std::vector<Expr> reduced = at;
      reduced.push_back(j);
      return kernel.load(x, coordinates(reduced));
    });
    auto rowTotal = [&](std::vector<Expr> here) -> Expr {
      std::reverse(here.begin(), here.end());
      here.insert(here.end(), row.begin(), row.end());
      return reduction.total(here);
    };
    if (reducesInChunks()) return inChunks(outer, rowTotal, &reduction);
    Func total = kernel.func("reduction");
    RDom r = kernel.reduction("r", outer);
    fold(total, row, r, rowTotal(reductionVariables(r)), firstElement());
    bindAndSchedule(total, [&](Output &output, Var loop) {
      vars.empty() ? total.compute_root() : total.compute_at(output.func, loop);
      reduction.computeAt(total, Halide::RVar(r[0]));
    });
  }

  static std::vector<Expr> reductionVariables(const RDom &r) {
    std::vector<Expr> result;
    for (int d = 0; d < r.dimensions(); ++d) result.push_back(r[d]);
    return result;
  }

  Expr firstElement() const { return kernel.load(x, coordinates(std::vector<Expr>(axes.size(), Expr(0)))); }

  /// total(row) = the reduction of `element` over r. A maximum starts from `first`, one of
  /// the elements: that it counts twice does no harm.
  void fold(Func total, const std::vector<Var> &row, const RDom &r, const Expr &element, const Expr &first) const {
    total(row) = kind == RowReduction::max ? first : RowReduction::identity(kind, element.type());
    total(row) = RowReduction::combine(kind, total(row), atEach(r, element));
  }

  /// Columns in vectors; all reduced rows one after another, for each row of the result.
  void downColumns() {
    Func total = kernel.func("reduction");
    std::vector<Var> row = kernel.reversed(vars);
    RDom r = kernel.reduction("r", reducedExtents());
    fold(total, row, r, kernel.load(x, coordinates(reductionVariables(r))), firstElement());
    bindAndSchedule(total, [&](Output &output, Var loop) {
      int lanes = kernel.schedule().getVector();
      if (kernel.onDevice()) {
        total.compute_at(output.func, loop);
        return;
      }
      total.compute_at(output.func, loop).vectorize(row[0], lanes, Halide::TailStrategy::GuardWithIf);
      total.update().vectorize(row[0], lanes, Halide::TailStrategy::GuardWithIf);
    });
  }

  bool reducesInChunks() const { return kernel.schedule().getLoops().starts_with_insensitive("Cr"); }

  /// `Crt`: all reduced elements in `chunks` parts, whose elements take turns so that neighbouring threads read
  /// neighbours; then, where there are many, `depth` of the parts at a time, and the sums of these in order.
  void inChunksOnDevice() {
    int chunks = kernel.schedule().getChunks(), depth = kernel.schedule().getDepth();
    std::vector<Expr> reduced = reducedExtents();
    Expr all = 1;
    for (const Expr &extent : reduced) all *= extent;
    Var chunk("chunk"), group("group");
    std::vector<Var> row = kernel.reversed(vars);
    auto with = [&](const auto &last) {
      std::vector<std::decay_t<decltype(last)>> result(row.begin(), row.end());
      result.push_back(last);
      return result;
    };
    RDom r = kernel.reduction("r", {(all + chunks - 1) / chunks});
    Expr index = r.x * chunks + chunk, rest = min(index, all - 1);
    std::vector<Expr> at(reduced.size());
    for (size_t d = reduced.size(); d-- > 0; rest = rest / reduced[d]) at[d] = d ? rest % reduced[d] : rest;
    if (kind != RowReduction::max) r.where(index < all);
    Func partial = kernel.func("partial"), total = kernel.func("reduction"), groups = kernel.func("groups");
    fold(partial, with(chunk), r, kernel.load(x, coordinates(at)), firstElement());
    Func parts = partial;
    int count = chunks;
    if (depth > 1) {
      count /= depth;
      RDom each = kernel.reduction("each", {depth});
      fold(groups, with(group), each, partial(with(each.x * count + group)), firstElement());
      parts = groups;
    }
    RDom each = kernel.reduction("parts", {count});
    fold(total, row, each, parts(with(Expr(each.x))), firstElement());
    bindAndSchedule(total, [&](Output &output, Var loop) {
      computeOnDevice(partial.bound(chunk, 0, chunks));
      if (depth > 1) computeOnDevice(groups.bound(group, 0, count));
      total.compute_at(output.func, loop);
    });
  }

  /// `Crn`: the first reduced axis in `chunks` parts, each summed by one task; then the parts in order. `element` is
  /// reduced over `reduced`: x's, or the totals of `rows`.
  void inChunks(std::vector<Expr> reduced, const std::function<Expr(const std::vector<Expr> &)> &element,
                RowReduction *rows = nullptr) {
    Var chunk("chunk");
    Func partial = kernel.func("partial"), total = kernel.func("reduction");
    int chunks = kernel.schedule().getChunks(), lanes = kernel.schedule().getVector();
    std::vector<Var> row = kernel.reversed(vars), rowAndChunk = row;
    rowAndChunk.push_back(chunk);
    Expr extent = reduced[0], length = (extent + chunks - 1) / chunks;
    reduced[0] = length;
    RDom r = kernel.reduction("r", reduced);
    std::vector<Expr> indices = reductionVariables(r);
    Expr index = chunk * length + indices[0];
    indices[0] = min(index, extent - 1);
    Expr part = element(indices);
    if (kind != RowReduction::max) r.where(index < extent);
    fold(partial, rowAndChunk, r, part, firstElement());
    RDom parts = kernel.reduction("parts", {chunks});
    std::vector<Expr> ofPart(row.begin(), row.end());
    ofPart.push_back(parts.x);
    fold(total, row, parts, partial(ofPart), firstElement());
    bindAndSchedule(total, [&](Output &output, Var loop) {
      partial.compute_root().bound(chunk, 0, chunks);
      total.compute_root();
      if (kernel.schedule().getLoops().starts_with("C")) {
        partial.parallel(chunk);
        partial.update().parallel(chunk);
      }
      if (rows) rows->computeAt(partial, Halide::RVar(r[0]));
      if (row.empty() || rows) {
        total.update().unscheduled();
        return;
      }
      auto tail = Halide::TailStrategy::GuardWithIf;
      partial.vectorize(row[0], lanes, tail);
      // Some rows at a time are added to a vector of columns, and the whole of these before the next.
      constexpr int together = 4;
      Var lane("lane");
      Halide::RVar step("step"), each("each");
      partial.update().split(row[0], row[0], lane, lanes, tail).split(r[0], step, each, together, tail);
      partial.update().reorder(lane, each, row[0], step).vectorize(lane).unroll(each);
      total.vectorize(row[0], lanes, tail).update().vectorize(row[0], lanes, tail);
    });
  }

  void bindAndSchedule(Func total, llvm::function_ref<void(Output &, Var)> schedule) {
    kernel.bind(result, total);
    Output &output = kernel.output();
    bool last = !axes.empty() && axes.back() == type.getRank() - 1;
    Var loop = scheduleElementwise(kernel, !last);
    // Stages of one row need its loop over the last dimension too, unless that is in vectors.
    schedule(output, last && output.vars.size() > 1 && !kernel.onDevice() ? output.vars.back() : loop);
  }

  KernelLowering &kernel;
  Value x, result;
  SmallVector<int64_t> axes;
  bool keep;
  RowReduction::Kind kind;
  RankedTensorType type;
  std::vector<Expr> extents;
  std::vector<Var> vars;
};

template <typename Op, RowReduction::Kind kind>
struct ReduceLowering : AnchorLowering::ExternalModel<ReduceLowering<Op, kind>, Op> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto reduce = cast<Op>(op);
    Reduction(kernel, reduce.getX(), reduce.getResult(), reduce.getAxes(), reduce.getKeep(), kind).lower();
    return success();
  }
};

struct ArgmaxLowering : AnchorLowering::ExternalModel<ArgmaxLowering, ArgmaxOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto argmax = cast<ArgmaxOp>(op);
    Reduction(kernel, argmax.getX(), argmax.getResult(), argmax.getAxis(), argmax.getKeep(), RowReduction::max)
        .lowerArgmax();
    return success();
  }
};

} // namespace

void registerReduceLowerings(MLIRContext *context) {
  SumOp::attachInterface<ReduceLowering<SumOp, RowReduction::sum>>(*context);
  ProdOp::attachInterface<ReduceLowering<ProdOp, RowReduction::product>>(*context);
  ArgmaxOp::attachInterface<ArgmaxLowering>(*context);
  MaxOp::attachInterface<ReduceLowering<MaxOp, RowReduction::max>>(*context);
}

} // namespace fovea
