// Softmax, layer norm and cross-entropy: reductions along a row, then the row.
#include "lib/halide/Families.h"
#include "lib/halide/Math.h"
#include "lib/halide/RowReduction.h"
#include "lib/halide/schedule/Device.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::Var;

namespace fovea {
namespace {

/// The coordinates of an element of a row: the row's own, outermost first, then j.
std::vector<Expr> inRow(const std::vector<Var> &row, const Expr &j) {
  std::vector<Expr> result(row.rbegin(), row.rend());
  result.push_back(j);
  return result;
}

/// Reductions of one row are computed in the row loop of the output, or at root where the output is one row.
void place(RowReduction &reduction, KernelLowering &kernel, Var row) {
  if (kernel.output().vars.size() < 2)
    reduction.computeRoot();
  else
    reduction.computeWithRows(kernel, row);
}

/// The longest row whose intermediate is kept, in elements.
constexpr int64_t longestKept = 1 << 14;

/// Keeps the elements of a block's rows near its threads, where there is room.
void keepInBlock(KernelLowering &kernel, Func stage, const Var &each, const Var &block, int64_t width) {
  constexpr int64_t mostBytes = 1 << 15;
  if (width * kernel.schedule().getRows() * stage.type().bytes() > mostBytes) return;
  Var column = stage.args()[0], lane("device_lane");
  if (sharesByLanes(kernel)) {
    stage.compute_at(kernel.output().func, block).bound_extent(each, 1);
    stage.split(column, column, lane, (int)kernel.schedule().getVector(), Halide::TailStrategy::GuardWithIf);
    stage.reorder(column, lane, each).unroll(column).gpu_lanes(lane);
    return;
  }
  stage.compute_at(kernel.output().func, block).bound_storage(each, (int)kernel.schedule().getRows());
  stage.split(column, column, lane, partialResults(kernel, Expr((int)width)), Halide::TailStrategy::GuardWithIf);
  stage.reorder(column, lane, each).gpu_threads(lane, each);
}

/// softmax or log_softmax. A NaN need not be the largest: it comes through the sum.
template <typename Op> struct SoftmaxLowering : AnchorLowering::ExternalModel<SoftmaxLowering<Op>, Op> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto softmax = cast<Op>(op);
    int64_t rank = softmax.getType().getRank();
    std::vector<Var> vars = kernel.reversed(kernel.variables(rank)), row(vars.begin() + 1, vars.end());
    Expr extent = kernel.extent(softmax.getX(), rank - 1);
    auto x = [&](const Expr &j) { return kernel.load(softmax.getX(), inRow(row, j)); };
    RowReduction largest(kernel, "largest", row, extent, RowReduction::maxOfNumbers, x);
    std::vector<Expr> at(row.begin(), row.end());
    Func powers = kernel.func("powers"), result = kernel.func("softmax");
    powers(vars) = math::expBelow(math::sub(x(vars[0]), largest.total(at)));
    RowReduction sum(kernel, "sum", row, extent, RowReduction::sum, [&](const Expr &j) {
      std::vector<Expr> element{j};
      element.insert(element.end(), row.begin(), row.end());
      return powers(element);
    });
    if (isa<LogSoftmaxOp>(op))
      result(vars) = math::sub(math::sub(x(vars[0]), largest.total(at)), math::log(sum.total(at)));
    else
      result(vars) = powers(vars) * (kernel.real(powers.type(), 1) / sum.total(at));
    kernel.bind(softmax.getResult(), result);
    int64_t lanes = kernel.schedule().getVector();
    Var loop = scheduleRows(kernel);
    place(largest, kernel, loop);
    place(sum, kernel, loop);
    // The powers of a row stay near, rather than being computed again.
    std::optional<int64_t> width = constantOf(extent);
    if (isa<SoftmaxOp>(op) && rank > 1 && width && kernel.onDevice()) {
      keepInBlock(kernel, powers, vars[1], loop, *width);
    } else if (isa<SoftmaxOp>(op) && rank > 1 && width && *width <= longestKept) {
      auto tail = *width < lanes ? Halide::TailStrategy::GuardWithIf : Halide::TailStrategy::ShiftInwards;
      computeWithRows(kernel, powers, vars[1], loop);
      powers.align_storage(vars[0], (int)lanes).vectorize(vars[0], (int)lanes, tail);
    }
    return success();
  }
};

struct LogSumExpLowering : AnchorLowering::ExternalModel<LogSumExpLowering, LogSumExpOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto sumExp = cast<LogSumExpOp>(op);
    int64_t rank = sumExp.getType().getRank();
    Halide::Type type = kernel.type(sumExp.getType().getElementType());
    std::vector<Var> row = kernel.reversed(kernel.variables(rank));
    std::vector<Expr> at(row.begin(), row.end());
    Expr extent = kernel.extent(sumExp.getX(), rank);
    auto x = [&](const Expr &j) { return kernel.load(sumExp.getX(), inRow(row, j)); };
    RowReduction largest(kernel, "largest", row, extent, RowReduction::maxOfNumbers, x);
    // Infinities are not subtracted from each other.
    Expr center = select(math::isInfinite(largest.total(at)), kernel.real(type, 0), largest.total(at));
    RowReduction sum(kernel, "sum", row, extent, RowReduction::sum,
                     [&](const Expr &j) { return math::exp(math::sub(x(j), center)); });
    Func result = kernel.func("log_sum_exp");
    result(row) = math::add(center, math::log(sum.total(at)));
    kernel.bind(sumExp.getResult(), result);
    scheduleElements(kernel, {&largest, &sum});
    return success();
  }
};

struct CumsumLowering : AnchorLowering::ExternalModel<CumsumLowering, CumsumOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto cumsum = cast<CumsumOp>(op);
    int64_t rank = cumsum.getType().getRank();
    std::vector<Var> vars = kernel.reversed(kernel.variables(rank)), row(vars.begin() + 1, vars.end());
    Expr extent = kernel.extent(cumsum.getX(), rank - 1);
    // A sum on either side of each element: sums(j) before element j and sums(j + 1) after it.
    Func sums = kernel.func("sums"), result = kernel.func("cumsum");
    auto at = [&](const Expr &j) {
      std::vector<Expr> result{j};
      result.insert(result.end(), row.begin(), row.end());
      return result;
    };
    Halide::RDom r = kernel.reduction("r", {extent});
    bool reverse = cumsum.getReverse();
    Expr j = reverse ? extent - 1 - r.x : Expr(r.x), from = reverse ? j + 1 : j, to = reverse ? j : j + 1;
    sums(vars) = Halide::Internal::make_zero(kernel.type(cumsum.getType().getElementType()));
    sums(at(to)) = sums(at(from)) + kernel.load(cumsum.getX(), inRow(row, j));
    result(vars) = sums(at(vars[0] + (cumsum.getExclusive() == reverse ? 1 : 0)));
    kernel.bind(cumsum.getResult(), result);
    Output &output = kernel.output();
    if (kernel.onDevice() && rank > 1)
      return sums.compute_at(output.func, rowPerThread(output.stage(), output.vars)), success();
    Var loop = scheduleElementwise(kernel);
    if (kernel.onDevice()) return computeOnDevice(sums), success();
    rank == 1 ? sums.compute_root() : sums.compute_at(output.func, loop);
    sums.update().unscheduled();
    return success();
  }
};

/// Binds a norm's statistic, which has one element for each row; where it is a result, it is stored as well.
Func bindStatistic(KernelLowering &kernel, Value result, const std::string &name, const std::vector<Var> &vars,
                   const Expr &value) {
  Func statistic = kernel.func(name);
  std::vector<Var> coordinates = kernel.reversed(vars);
  std::vector<Expr> at(coordinates.begin(), coordinates.end());
  statistic(vars) = kernel.isYielded(result) ? kernel.yieldBeside(result, value, value, at) : value;
  kernel.bind(result, statistic);
  return statistic;
}

/// A statistic and its reduction are computed in the row loop of the output, or at root where the output is one row.
void placeStatistic(KernelLowering &kernel, Func statistic, RowReduction &reduction, Var row) {
  Output &output = kernel.output();
  if (output.vars.size() < 2)
    kernel.onDevice() ? computeOnDevice(statistic) : void(statistic.compute_root());
  else
    computeWithRows(kernel, statistic, output.vars[output.vars.size() - 2], row);
  place(reduction, kernel, row);
}

struct LayerNormLowering : AnchorLowering::ExternalModel<LayerNormLowering, LayerNormOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto norm = cast<LayerNormOp>(op);
    RankedTensorType type = norm.getX().getType();
    int64_t rank = type.getRank();
    Halide::Type element = kernel.type(type.getElementType());
    std::vector<Var> vars = kernel.reversed(kernel.variables(rank)), row(vars.begin() + 1, vars.end());
    std::vector<Expr> at(row.begin(), row.end());
    Expr extent = kernel.extent(norm.getX(), rank - 1), width = kernel.real(element, (double)type.getShape().back());
    auto x = [&](const Expr &j) { return kernel.load(norm.getX(), inRow(row, j)); };
    // mean and rstd have a last dimension of size 1.
    std::vector<Expr> first{Expr(0)};
    first.insert(first.end(), row.begin(), row.end());
    Func result = kernel.func("layer_norm");
    RowReduction sum(kernel, "sum", row, extent, RowReduction::sum, x);
    Func mean = bindStatistic(kernel, norm.getMean(), "mean", vars, sum.total(at) / width);
    RowReduction squares(kernel, "squares", row, extent, RowReduction::sum, [&](const Expr &j) {
      Expr apart = math::sub(x(j), mean(first));
      return apart * apart;
    });
    Expr epsilon = kernel.real(element, norm.getEpsilon().convertToDouble());
    Func rstd = bindStatistic(kernel, norm.getRstd(), "rstd", vars,
                              kernel.real(element, 1) / sqrt(math::add(squares.total(at) / width, epsilon)));
    Expr column = vars[0];
    Expr scaled =
        math::mul(math::mul(math::sub(x(column), mean(first)), rstd(first)), kernel.load(norm.getScale(), {column}));
    result(vars) = math::add(scaled, kernel.load(norm.getBias(), {column}));
    kernel.bind(norm.getResult(), result);
    Var loop = scheduleRows(kernel);
    placeStatistic(kernel, mean, sum, loop);
    placeStatistic(kernel, rstd, squares, loop);
    return success();
  }
};

struct RmsNormLowering : AnchorLowering::ExternalModel<RmsNormLowering, RmsNormOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto norm = cast<RmsNormOp>(op);
    RankedTensorType type = norm.getX().getType();
    int64_t rank = type.getRank();
    Halide::Type element = kernel.type(type.getElementType());
    std::vector<Var> vars = kernel.reversed(kernel.variables(rank)), row(vars.begin() + 1, vars.end());
    std::vector<Expr> at(row.begin(), row.end()), first{Expr(0)};
    first.insert(first.end(), row.begin(), row.end());
    Expr extent = kernel.extent(norm.getX(), rank - 1), width = kernel.real(element, (double)type.getShape().back());
    auto x = [&](const Expr &j) { return kernel.load(norm.getX(), inRow(row, j)); };
    RowReduction squares(kernel, "squares", row, extent, RowReduction::sum, [&](const Expr &j) { return x(j) * x(j); });
    Func result = kernel.func("rms_norm");
    Expr epsilon = kernel.real(element, norm.getEpsilon().convertToDouble());
    Func rstd = bindStatistic(kernel, norm.getRstd(), "rstd", vars,
                              kernel.real(element, 1) / sqrt(math::add(squares.total(at) / width, epsilon)));
    result(vars) = math::mul(math::mul(x(vars[0]), rstd(first)), kernel.load(norm.getScale(), {Expr(vars[0])}));
    kernel.bind(norm.getResult(), result);
    placeStatistic(kernel, rstd, squares, scheduleRows(kernel));
    return success();
  }
};

struct CrossEntropyLowering : AnchorLowering::ExternalModel<CrossEntropyLowering, CrossEntropyOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto loss = cast<CrossEntropyOp>(op);
    Var n = kernel.variables(1)[0];
    Expr classes = kernel.extent(loss.getLogits(), 1);
    auto logit = [&](const Expr &j) { return kernel.load(loss.getLogits(), {Expr(n), j}); };
    RowReduction largest(kernel, "largest", {n}, classes, RowReduction::maxOfNumbers, logit);
    RowReduction sum(kernel, "sum", {n}, classes, RowReduction::sum,
                     [&](const Expr &j) { return math::exp(logit(j) - largest.total(n)); });
    Expr logSum = math::log(sum.total(n));
    Expr label = kernel.load(loss.getLabels(), {Expr(n)});
    Expr inside = label >= 0 && label < cast(label.type(), classes);
    Expr picked = logit(clamp(Halide::cast<int32_t>(label), 0, classes - 1));
    Func losses = kernel.func("loss"), lse = kernel.func("log_sum_exp");
    // Where logits are large and near each other, their difference is exact, and log_sum_exp - logits[label] is not: in
    // this order.
    Expr value = Halide::strict_float(largest.total(n) - picked + logSum);
    // As bits, not as a choice: Halide would skip the sums where the label is outside, and ask the host whether it is.
    Halide::Type bits = Halide::Int(value.type().bits());
    Expr outside = select(inside, Halide::Internal::make_zero(bits), reinterpret(bits, math::nan(value.type())));
    losses(n) = reinterpret(value.type(), reinterpret(bits, value) | outside);
    lse(n) = largest.total(n) + logSum;
    kernel.bind(loss.getLoss(), losses);
    kernel.bind(loss.getLogSumExp(), lse);
    scheduleElements(kernel, {&largest, &sum});
    return success();
  }
};

} // namespace

void registerRowsLowerings(MLIRContext *context) {
  SoftmaxOp::attachInterface<SoftmaxLowering<SoftmaxOp>>(*context);
  LogSoftmaxOp::attachInterface<SoftmaxLowering<LogSoftmaxOp>>(*context);
  CumsumOp::attachInterface<CumsumLowering>(*context);
  LogSumExpOp::attachInterface<LogSumExpLowering>(*context);
  LayerNormOp::attachInterface<LayerNormLowering>(*context);
  RmsNormOp::attachInterface<RmsNormLowering>(*context);
  CrossEntropyOp::attachInterface<CrossEntropyLowering>(*context);
}

} // namespace fovea
