// Attention's gradients on a device, each by a kernel of its own that computes the weights anew: dq by blocks of
// queries that go through the keys, dk and dv by panels of keys that go through the queries of their heads. Every sum
// has one thread, so that its order is fixed.
#include "lib/halide/AttentionCaptures.h"
#include "lib/halide/DeviceAttention.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::LoopLevel;
using Halide::RDom;
using Halide::RVar;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

constexpr auto guard = TailStrategy::GuardWithIf;
enum class Of { query, key, value };

class DeviceGradient {
public:
  DeviceGradient(AttentionGradOp op, KernelLowering &kernel, Scores<AttentionGradOp> &s, Of of)
      : op(op), kernel(kernel), s(s), gradient{op, s}, of(of), byQuery(of == Of::query),
        size(of == Of::value ? s.valueSize : s.size), name(std::string("of_") + (byQuery         ? "query"
                                                                                 : of == Of::key ? "key"
                                                                                                 : "value")),
        pairs(pairTile(kernel.schedule())), rows(rowTile(pairs, byQuery ? s.block : s.columns, size)),
        blocks((int)llvm::divideCeil(*constantOf(s.queries), s.block)) {}

  void lower(Value target) {
    lowerPairs();
    // A step is a panel of keys, or a block of queries of one of the heads that share these keys.
    Var outer = byQuery ? block : panel;
    r = byQuery ? kernel.reduction(name + "_r", {s.panels}) : kernel.reduction(name + "_r", {blocks, s.group});
    Expr ofQuery = byQuery ? Expr(n) : n * s.group + r.y, itsBlock = byQuery ? Expr(block) : Expr(r.x),
         itsPanel = byQuery ? Expr(r.x) : Expr(panel);
    if (s.hasWindow())
      r.where(s.anySeen(ofQuery, math::opaque(itsBlock), math::opaque(itsPanel))); // whose bounds stay as they are
    std::vector<Var> own = rows.vars({outer, n});
    std::vector<Expr> ofStep(own.begin(), own.end() - 2);
    for (const Expr &each : {itsPanel, itsBlock, ofQuery}) ofStep.push_back(each);
    sums(own) = s.real(0);
    sums(own) += product(ofStep);
    int length = byQuery ? s.block : s.columns, heads = byQuery ? s.heads : s.heads / s.group;
    Func result = kernel.func("d_" + name);
    Expr place = v[2] % length, at = v[2] / length, head = v[0] * heads + v[1];
    Expr x = kernel.after(sums(rows.at(place, v[3], {at, head})), (byQuery ? queries : keys)(place, 0, at, head));
    if (of != Of::value) x = kernel.after(x, (byQuery ? cotangents : values)(place, 0, at, head));
    result(v[3], v[2], v[1], v[0]) = x;
    kernel.yieldDirectly(target, result);
    schedule(result, length);
  }

private:
  std::string part(const std::string &what) { return name + "_" + what; }

  void lowerPairs() {
    Expr i = block * s.block + q, j = panel * s.columns + p;
    queries(q, d, block, n) = s.query(n, i, d);
    keys(p, d, panel, m) = s.key(m * s.group, j, d) * s.real(s.productScale());
    std::vector<Var> vars = pairs.vars({panel, block, n});
    dot(vars) = s.real(0);
    dot(vars) += queries(pairs.row(), rd, block, n) * keys(pairs.column(), rd, panel, n / s.group);
    Expr raw = dot(pairs.at(q, p, {panel, block, n})), weight = gradient.weight(n, i, j, raw);
    if (of == Of::value) {
      given(p, q, panel, block, n) = select(i < s.queries, weight * s.kept(n, i, j), s.real(0));
    } else {
      cotangents(q, d, block, n) = s.ofQuery(op.getCotangent(), n, i, d);
      values(p, d, panel, m) = s.value(m * s.group, j, d);
      dotValue(vars) = s.real(0);
      dotValue(vars) += cotangents(pairs.row(), re, block, n) * values(pairs.column(), re, panel, n / s.group);
      Expr cotangent = gradient.cotangent(n, i, j, weight, dotValue(pairs.at(q, p, {panel, block, n})));
      given(p, q, panel, block, n) = select(i < s.queries, gradient.ofRaw(n, i, j, raw, cotangent), s.real(0));
    }
    // The sum over the keys of a row of queries, or over the queries of a row of keys.
    Expr column = min(d, size - 1);
    rk = kernel.reduction(part("rk"), {byQuery ? s.columns : s.block});
    std::vector<Var> of = rows.vars({panel, block, n});
    product(of) = s.real(0);
    if (byQuery) {
      other(d, p, panel, n) = s.key(n, j, column);
      product(of) += given(rk, rows.row(), panel, block, n) * other(rows.column(), rk, panel, n);
    } else {
      other(d, q, block, n) = this->of == Of::key ? s.query(n, i, column) : s.ofQuery(op.getCotangent(), n, i, column);
      product(of) += given(rows.row(), rk, panel, block, n) * other(rows.column(), rk, block, n);
    }
  }

  void schedule(Func result, int length) {
    Var own("own_block"), inBlock("in_block"), whole("whole"), column("column");
    result.split(v[2], own, inBlock, length, guard).split(v[3], whole, column, rows.columns, guard);
    Halide::Stage stage = result;
    stage.reorder(column, inBlock, whole, own, v[1], v[0]);
    Var one = fuseAll(stage, {own, v[1], v[0]});
    rows.share(stage, inBlock, column);
    stage.gpu_blocks(one);
    LoopLevel atBlock(result, one), atStep(sums, r.x);
    rows.keep(sums, atBlock, {byQuery ? block : panel, n});
    rows.sum(sums.update(), {}, byQuery ? std::vector<RVar>{r.x} : std::vector<RVar>{r.x, r.y});
    // What the block itself is of stays, and the rest comes in each step.
    pairs.copy(queries, byQuery ? atBlock : atStep, s.block, s.size, true);
    pairs.copy(keys, byQuery ? atStep : atBlock, s.columns, s.size, true);
    registers(pairs, dot, rd, atStep);
    if (of != Of::value) {
      pairs.copy(cotangents, byQuery ? atBlock : atStep, s.block, s.valueSize, true);
      pairs.copy(values, byQuery ? atStep : atBlock, s.columns, s.valueSize, true);
      registers(pairs, dotValue, re, atStep);
    }
    given.compute_at(atStep).store_in(Halide::MemoryType::GPUShared);
    given.bound(p, 0, s.columns).bound(q, 0, s.block).align_storage(p, s.columns + 4);
    for (const Var &one : {panel, block, n}) given.bound_extent(one, 1);
    pairs.share(given, q, p);
    pairs.copy(other, atStep, rows.columns, byQuery ? s.columns : s.block, false);
    registers(rows, product, rk, atStep);
  }
  void registers(const ThreadTile &tile, Func func, const RDom &terms, const LoopLevel &level) {
    tile.keep(func, level, {panel, block, n});
    tile.sum(func.update(), {terms.x}, {});
    func.update().unroll(terms.x, 4);
  }

  AttentionGradOp op;
  KernelLowering &kernel;
  Scores<AttentionGradOp> &s;
  PairGradient gradient;
  Of of;
  bool byQuery;
  int size;
  std::string name;
  ThreadTile pairs, rows;
  int blocks;
  std::vector<Var> v = kernel.variables(4);                                   // b, h, i or j, d
  Var p{"p"}, q{"q"}, d{"d"}, panel{"panel"}, block{"block"}, n{"n"}, m{"m"}; // m is the head of keys
  RDom rd = kernel.reduction(part("rd"), {s.size}), re = kernel.reduction(part("re"), {s.valueSize}), rk, r;
  Func queries = kernel.func(part("queries")), keys = kernel.func(part("keys")), dot = kernel.func(part("dot")),
       cotangents = kernel.func(part("cotangents")), values = kernel.func(part("values")),
       dotValue = kernel.func(part("dot_value")), given = kernel.func(part("given")),
       other = kernel.func(part("other")), product = kernel.func(part("product")), sums = kernel.func(part("sums"));
};

/// The gradient of a captured tensor. A block of threads goes through all pairs of a head, which are cut twice: each
/// thread has the places of a segment and the keys of a lane, so that every sum has one order. Where there are places
/// for all threads, they add to the result itself, and else to sums for each lane.
class CaptureGradients {
public:
  CaptureGradients(AttentionGradOp op, KernelLowering &kernel, Scores<AttentionGradOp> &s,
                   const CaptureGradient &captured)
      : op(op), kernel(kernel), s(s), captured(captured), capture(op.getCaptures()[captured.capture]),
        vars(kernel.variables(2 + captured.rest.size())) {
    constexpr int threads = 128;
    int64_t places = 1;
    for (int64_t d : captured.rest) {
      std::optional<int64_t> extent = constantOf(kernel.extent(capture, d));
      places = std::min<int64_t>(threads, extent ? places * std::max<int64_t>(1, *extent) : threads);
    }
    segments = (int)llvm::bit_floor<uint64_t>(places);
    lanes = threads / segments;
  }

  void lower(Value target) {
    type = kernel.type(cast<RankedTensorType>(target.getType()).getElementType());
    Func result = kernel.func("d_" + name);
    sums = lanes > 1 ? kernel.func(name + "_sums") : result;
    std::vector<Var> all = kernel.reversed(vars), own = all;
    if (lanes > 1) own.insert(own.begin(), lane);
    sums(own) = Halide::Internal::make_zero(type);
    for (ScoreAddOp add : captured.adds) lowerAdd(add);
    if (lanes > 1) {
      RDom each = kernel.reduction(name + "_lanes", {lanes});
      std::vector<Expr> ofLane(all.begin(), all.end());
      ofLane.insert(ofLane.begin(), each.x);
      whole(all) = Halide::Internal::make_zero(type);
      whole(all) += sums(ofLane);
      result(all) = whole(all);
    }
    kernel.yieldDirectly(target, result);
    for (auto [d, var] : llvm::enumerate(vars))
      result.bound(var, 0, kernel.extents(cast<RankedTensorType>(target.getType()))[d]);
    lanes > 1 ? scheduleLanes(result) : void(elementPerThread(result));
    for (size_t index = 0; index < pairs.size(); ++index) schedulePairs((int)index);
  }

private:
  /// The products of a pair, and what the segment's and the lane's pairs add.
  struct Pairs {
    RDom r; // keys, queries, segments
    Func dot, dotValue;
  };

  void lowerAdd(ScoreAddOp add) {
    std::string own = name + "_" + std::to_string(pairs.size());
    int keys = (int)llvm::divideCeil(s.keys, lanes);
    Pairs each{kernel.reduction(own + "_r", {keys, s.queries, segments}), kernel.func(own + "_dot"),
               kernel.func(own + "_dot_value")};
    RDom rd = kernel.reduction(own + "_rd", {s.size}), re = kernel.reduction(own + "_re", {s.valueSize});
    Var i("i"), j("j"), head("n");
    each.dot(j, i, head) = s.real(0);
    each.dot(j, i, head) += s.query(head, i, rd) * s.key(head, j, rd) * s.real(s.productScale());
    each.dotValue(j, i, head) = s.real(0);
    each.dotValue(j, i, head) += s.ofQuery(op.getCotangent(), head, i, re) * s.value(head, j, re);
    Expr n = vars[0] * s.heads + vars[1], query = each.r.y, key = lanes > 1 ? each.r.x * lanes + lane : Expr(each.r.x);
    Expr raw = each.dot(key, query, n);
    Expr cotangent =
        gradient.cotangent(n, query, key, gradient.weight(n, query, key, raw), each.dotValue(key, query, n));
    Region &region = op.getGradient();
    Expr value = s.evaluate(region, {raw, cotangent}, n, query, key, add.getValue())[0];
    value = s.choose(s.seen(n, query, key), Halide::cast(s.element, value), 0);
    s.evaluate(region, {raw, cotangent}, n, query, key, {});
    std::vector<Expr> indices = captureIndices(kernel, capture, add.getIndices()), at{Expr(vars[0]), Expr(vars[1])};
    Expr place = 0;
    for (int64_t d : captured.rest) {
      at.push_back(Halide::unsafe_promise_clamped(indices[d], 0, kernel.extent(capture, d) - 1));
      place = place * kernel.extent(capture, d) + indices[d];
    }
    if (s.keys % lanes) each.r.where(key < s.keys);
    if (segments > 1) each.r.where(place % segments == each.r.z);
    at = kernel.reversed(at);
    if (lanes > 1) at.insert(at.begin(), lane);
    sums(at) = sums(at) + atEach(each.r, Halide::cast(type, value));
    pairs.push_back(each);
  }

  void schedulePairs(int index) {
    Pairs &each = pairs[index];
    Halide::Stage update = sums.update(index);
    update.allow_race_conditions(); // no two segments have a place in common
    std::vector<Halide::VarOrRVar> order{each.r.x, each.r.y};
    if (lanes > 1) order.push_back(lane);
    order.push_back(each.r.z);
    for (Var outer : {vars[1], vars[0]}) order.push_back(outer);
    update.reorder(order);
    if (lanes > 1)
      update.gpu_threads(lane, each.r.z);
    else
      update.fuse(vars[1], vars[0], block).gpu_blocks(block).gpu_threads(each.r.z);
    for (Func product : {each.dot, each.dotValue}) product.compute_at(LoopLevel(sums, each.r.x));
  }

  void scheduleLanes(Func result) {
    Var thread("thread");
    if (captured.rest.empty()) {
      result.split(vars[1], vars[1], thread, 1);
    } else {
      thread = vars.back();
      for (size_t d = vars.size() - 1; d-- > 2;) {
        Var both("places" + std::to_string(d));
        result.fuse(thread, vars[d], both);
        thread = both;
      }
    }
    result.reorder(thread, vars[1], vars[0]).fuse(vars[1], vars[0], block).gpu_blocks(block).gpu_threads(thread);
    whole.compute_at(result, thread);
    sums.compute_at(result, block).store_in(Halide::MemoryType::GPUShared).bound(lane, 0, lanes).gpu_threads(lane);
    for (size_t d = 0; d < vars.size(); ++d)
      d < 2 ? sums.bound_extent(vars[d], 1) : sums.bound(vars[d], 0, kernel.extent(capture, captured.rest[d - 2]));
  }

  AttentionGradOp op;
  KernelLowering &kernel;
  Scores<AttentionGradOp> &s;
  const CaptureGradient &captured;
  Value capture;
  PairGradient gradient{op, s};
  std::string name = "capture" + std::to_string(captured.capture);
  std::vector<Var> vars; // b, h, places
  Var lane{"lane"}, block{"block_of_head"};
  int segments, lanes;
  Halide::Type type;
  Func sums, whole = kernel.func(name + "_whole");
  std::vector<Pairs> pairs; // of each score_add
};

} // namespace

void lowerOnDevice(AttentionGradOp op, KernelLowering &kernel) {
  Scores<AttentionGradOp> s(op, kernel);
  DeviceGradient(op, kernel, s, Of::query).lower(op.getDQuery());
  DeviceGradient(op, kernel, s, Of::key).lower(op.getDKey());
  DeviceGradient(op, kernel, s, Of::value).lower(op.getDValue());
  auto captured = captureGradients(op.getGradient(), op.getQuery().getType(), op.getCaptures());
  for (auto [each, target] : llvm::zip(captured, op.getDCaptures()))
    CaptureGradients(op, kernel, s, each).lower(target);
}

} // namespace fovea
