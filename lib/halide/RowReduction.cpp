// Sums, products and maxima along one loop.
#include "lib/halide/RowReduction.h"
#include "lib/halide/DeviceFunctions.h"
#include "lib/halide/Math.h"
#include "lib/halide/schedule/Device.h"

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

namespace fovea {

int partialResults(KernelLowering &kernel, const Expr &extent) {
  constexpr int64_t mostVectors = 4; // side by side they hide the latency of an addition
  std::optional<int64_t> constant = constantOf(extent);
  int64_t lanes = kernel.schedule().getVector();
  return (int)(constant && *constant >= lanes ? lanes * std::min(mostVectors, *constant / lanes) : lanes);
}

Expr RowReduction::identity(Kind kind, Halide::Type type) {
  return Halide::Internal::make_const(type, kind == product ? 1 : 0);
}

Expr RowReduction::combine(Kind kind, const Expr &a, const Expr &b) {
  switch (kind) {
  case sum:
    return a + b;
  case product:
    return a * b;
  case max:
    return math::maximum(a, b);
  case maxOfNumbers: // Halide would make a chain of a tree of its own maxima
    return a.type().is_float() ? select(math::less(a, b), b, a) : Halide::max(a, b);
  }
  llvm_unreachable("a kind of reduction");
}

static std::vector<Expr> with(const Expr &first, const std::vector<Var> &row) {
  std::vector<Expr> result{first};
  result.insert(result.end(), row.begin(), row.end());
  return result;
}

/// The elements of a Tuple, or the one there is.
static std::vector<Expr> valuesOf(const Halide::FuncRef &at, size_t count) {
  if (count == 1) return {at};
  std::vector<Expr> values;
  for (size_t i = 0; i < count; ++i) values.push_back(at[(int)i]);
  return values;
}

static void define(Halide::FuncRef at, const std::vector<Expr> &values) {
  values.size() == 1 ? void(at = values[0]) : void(at = Halide::Tuple(values));
}

/// function(i) for each of `count`.
static std::vector<Expr> forEach(size_t count, const std::function<Expr(size_t)> &function) {
  std::vector<Expr> values;
  for (size_t i = 0; i < count; ++i) values.push_back(function(i));
  return values;
}

/// Two partial results as one, in an order that the compiler keeps: where code stands twice, for full tasks and the
/// last one, it may choose another order for each, and a row's sum would depend on how many rows there are.
static Expr combineInOrder(RowReduction::Kind kind, const Expr &a, const Expr &b) {
  if (kind == RowReduction::sum) return math::add(a, b);
  return kind == RowReduction::product ? math::mul(a, b) : RowReduction::combine(kind, a, b);
}

/// Each with the one half of them further on, until one is left.
static std::vector<Expr> inPairs(RowReduction::Kind kind, std::vector<std::vector<Expr>> parts) {
  for (size_t left = parts.size(); left > 1; left = (left + 1) / 2)
    for (size_t i = 0; i < left / 2; ++i) {
      const std::vector<Expr> &other = parts[i + (left + 1) / 2];
      parts[i] = forEach(other.size(), [&](size_t k) { return combineInOrder(kind, parts[i][k], other[k]); });
    }
  return parts[0];
}

/// The same of the values that lanes have: each has the result of all, and the first in the order of the above.
static std::vector<Expr> acrossLanes(RowReduction::Kind kind, int lanes, std::vector<Expr> values) {
  for (int distance = lanes / 2; distance; distance /= 2)
    for (Expr &value : values) value = combineInOrder(kind, value, LaneExchange::of(value, distance));
  return values;
}

RowReduction::RowReduction(KernelLowering &kernel, const std::string &name, const std::vector<Var> &row,
                           const Expr &extent, Kind kind, const Element &element)
    : RowReduction(kernel, name, row, extent, kind, Elements([&](const Expr &j) { return std::vector{element(j)}; })) {}

RowReduction::RowReduction(KernelLowering &kernel, const std::string &name, const std::vector<Var> &row,
                           const Expr &extent, Kind kind, const Elements &elements)
    : rows(kernel.onDevice() ? (int)kernel.schedule().getRows() : 0), inLanes(sharesByLanes(kernel)),
      lanes((int)kernel.schedule().getVector()), width(partialResults(kernel, extent)),
      loop(row.empty() ? Var::outermost() : row[0]), partial(kernel.func(name + "_partial")),
      folded(kernel.func(name + "_folded")), total(kernel.func(name)) {
  std::optional<int64_t> constant = constantOf(extent);
  bool vectors = constant && *constant >= lanes; // else the elements of one vector that is not full
  Var lane("lane");
  std::vector<Expr> at = with(lane, row);
  std::vector<Var> lanesAndRow{lane};
  lanesAndRow.insert(lanesAndRow.end(), row.begin(), row.end());
  bool largest = kind == max || kind == maxOfNumbers;

  // A maximum starts from elements, not from -inf; some may count twice.
  std::vector<Expr> start = elements(vectors ? Expr(lane) : min(Expr(lane), extent - 1));
  size_t count = start.size();
  auto nothing = [&](size_t i) { return largest ? start[i] : identity(kind, start[i].type()); };
  define(partial(lanesAndRow), forEach(count, nothing));
  auto add = [&](const std::function<Expr(size_t, const Expr &)> &element) {
    std::vector<Expr> sofar = valuesOf(partial(lanesAndRow), count);
    define(partial(lanesAndRow),
           forEach(count, [&](size_t i) { return combine(kind, sofar[i], element(i, sofar[i])); }));
    ++updates;
  };
  Expr first = largest && vectors ? 1 : 0, all = vectors ? extent / width : (extent + width - 1) / width;
  RDom step({{first, all - first}}, name + "_step");
  Expr j = step.x * width + lane;
  std::vector<Expr> each = elements(vectors ? j : min(j, extent - 1));
  if (vectors) {
    add([&](size_t i, const Expr &) { return atEach(step, each[i]); });
    // The rest, in the last whole vectors.
    int rest = (int)(*constant % width);
    std::vector<Expr> last;
    if (rest) last = elements(extent - width + lane);
    int counted = largest ? (rest + lanes - 1) / lanes * lanes : rest;
    if (rest)
      add([&](size_t i, const Expr &sofar) {
        return select(lane >= width - counted, last[i], largest ? sofar : nothing(i));
      });
  } else {
    add([&](size_t i, const Expr &) {
      Expr x = atEach(step, each[i]);
      return largest ? x : select(j < extent, x, nothing(i));
    });
  }

  // Pairs of vectors, then pairs of lanes.
  std::vector<std::vector<Expr>> parts;
  for (int v = 0; v < width; v += lanes) parts.push_back(valuesOf(partial(with(lane + v, row)), count));
  std::vector<Expr> ofLane = inPairs(kind, std::move(parts));
  define(folded(lanesAndRow), inLanes ? acrossLanes(kind, lanes, ofLane) : ofLane);
  if (inLanes) {
    define(total(row), valuesOf(folded(with(0, row)), count));
    return;
  }
  parts.clear();
  for (int l = 0; l < lanes; ++l) parts.push_back(valuesOf(folded(with(l, row)), count));
  define(total(row), inPairs(kind, std::move(parts)));
}

void RowReduction::scheduleParts(const Halide::LoopLevel &level) {
  Var lane("lane"), vector("vector");
  partial.bound(lane, 0, width);
  folded.bound(lane, 0, lanes);
  if (inLanes) return scheduleInLanes(level);
  if (rows) { // a thread for each partial result, beside those of the block's other rows
    for (Func func : {partial, folded}) func.compute_at(level).bound_storage(loop, rows).gpu_threads(lane, loop);
    for (int update = 0; update < updates; ++update) {
      auto reduced = partial.rvars(update);
      if (!reduced.empty()) partial.update(update).reorder(reduced[0], lane, loop);
      partial.update(update).gpu_threads(lane, loop);
    }
    return;
  }
  auto inVectors = [&](Halide::Stage stage) { stage.split(lane, vector, lane, lanes).vectorize(lane).unroll(vector); };
  inVectors(partial);
  for (int update = 0; update < updates; ++update) {
    inVectors(partial.update(update));
    auto reduced = partial.rvars(update);
    if (!reduced.empty()) partial.update(update).reorder(lane, vector, reduced[0]);
  }
  folded.vectorize(lane);
  partial.compute_at(total, loop);
  folded.compute_at(total, loop);
}

/// Each lane has its partial results in registers; the total is read from the first.
void RowReduction::scheduleInLanes(const Halide::LoopLevel &level) {
  Var lane("lane"), vector("vector");
  for (Func func : {partial, folded}) func.compute_at(level).bound_extent(loop, 1);
  folded.gpu_lanes(lane);
  partial.split(lane, vector, lane, lanes).unroll(vector).gpu_lanes(lane);
  for (int update = 0; update < updates; ++update) {
    Halide::Stage stage = partial.update(update).split(lane, vector, lane, lanes).unroll(vector);
    if (auto reduced = partial.rvars(update); !reduced.empty()) {
      stage.reorder(vector, reduced[0], lane);
      stage.unroll(reduced[0]);
    }
    stage.gpu_lanes(lane);
  }
}

void RowReduction::computeAt(const Func &output, const Halide::VarOrRVar &row) {
  Halide::LoopLevel level(output, row);
  if (inLanes) return scheduleParts(level);
  total.compute_at(level);
  if (rows) total.bound_storage(loop, rows).gpu_threads(loop);
  scheduleParts(level);
}

void RowReduction::computeWithRows(KernelLowering &kernel, const Var &row) {
  if (!inLanes) fovea::computeWithRows(kernel, total, loop, row);
  scheduleParts(Halide::LoopLevel(kernel.output().func, row));
}

void RowReduction::computeRoot() {
  if (rows) {
    partial.bound(Var("lane"), 0, width);
    folded.bound(Var("lane"), 0, lanes);
    for (const Func &func : {partial, folded, total}) computeOnDevice(func);
    return;
  }
  total.compute_root();
  scheduleParts({});
}

void scheduleElements(KernelLowering &kernel, std::initializer_list<RowReduction *> reductions) {
  Output &output = kernel.output();
  Var loop;
  if (kernel.onDevice())
    loop =
        output.vars.empty() ? elementPerThread(output.stage()) : blockPerElements(kernel, output.stage(), output.vars);
  else
    loop = scheduleElementwise(kernel, /*vectorize=*/false);
  if (!kernel.onDevice() && output.vars.size() > 1) loop = output.vars.back();
  for (RowReduction *reduction : reductions)
    output.vars.empty() ? reduction->computeRoot() : reduction->computeAt(output.func, loop);
}

} // namespace fovea
