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

/// What a pair of query and key gives, from raw scores and the products of cotangents and values.
struct PairGradient {
  AttentionGradOp op;
  Scores<AttentionGradOp> &s;

  Expr weight(const Expr &n, const Expr &i, const Expr &j, const Expr &raw) {
    Expr sum = s.row(op.getLogSumExp(), n, i) * s.real(s.base());
    Expr weight = s.exponential((s.hasFunctions() ? s.scored(n, i, j, raw) : raw) - sum);
    if (s.hasFunctions()) weight = select(sum < s.real(maskedScore), s.real(0), weight);
    return s.choose(s.seen(n, i, j), weight, 0);
  }
  /// The cotangent of the score, before its scale where there are no functions.
  Expr cotangent(const Expr &n, const Expr &i, const Expr &j, const Expr &weight, const Expr &product) {
    return weight * (product * s.kept(n, i, j) - s.row(op.getDelta(), n, i));
  }
  /// Of the product of query and key.
  Expr ofRaw(const Expr &n, const Expr &i, const Expr &j, const Expr &raw, const Expr &cotangent) {
    Expr own = cotangent;
    if (!op.getGradient().empty()) own = s.yielded(op.getGradient(), {raw, cotangent}, n, i, j);
    return s.hasFunctions() ? s.choose(s.seen(n, i, j), own * s.real(s.scale()), 0) : own * s.real(s.scale());
  }
};

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
    Var own("own_block"), inBlock("in_block"), head("head"), whole("whole"), column("column");
    result.split(v[2], own, inBlock, length, guard).split(v[3], whole, column, rows.columns, guard);
    result.reorder(column, inBlock, whole, own, v[1], v[0]).fuse(v[1], v[0], head);
    rows.share(result, inBlock, column);
    result.gpu_blocks(own, head);
    LoopLevel atBlock(result, own), atStep(sums, r.x);
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

/// The gradient of a captured tensor: a thread for each head adds what all of its pairs give, one after another.
void lowerCapture(AttentionGradOp op, KernelLowering &kernel, Scores<AttentionGradOp> &s,
                  const CaptureGradient &captured, Value target) {
  std::string name = "capture" + std::to_string(captured.capture);
  std::vector<Var> vars = kernel.variables(2 + captured.rest.size()); // b, h, places
  Func result = kernel.func("d_" + name);
  Halide::Type type = kernel.type(cast<RankedTensorType>(target.getType()).getElementType());
  result(kernel.reversed(vars)) = Halide::Internal::make_zero(type);
  Var b = vars[0], h = vars[1];
  Expr n = b * s.heads + h;
  PairGradient gradient{op, s};
  Region &region = op.getGradient();
  Value capture = op.getCaptures()[captured.capture];
  Var i("i"), j("j"), head("n");
  std::vector<Func> dots;
  for (auto [index, each] : llvm::enumerate(captured.adds)) {
    ScoreAddOp add = each;
    std::string own = name + "_" + std::to_string(index);
    RDom r = kernel.reduction(own + "_r", {s.keys, s.queries}), rd = kernel.reduction(own + "_rd", {s.size}),
         re = kernel.reduction(own + "_re", {s.valueSize});
    Func dot = kernel.func(own + "_dot"), dotValue = kernel.func(own + "_dot_value");
    dot(j, i, head) = s.real(0);
    dot(j, i, head) += s.query(head, i, rd) * s.key(head, j, rd) * s.real(s.productScale());
    dotValue(j, i, head) = s.real(0);
    dotValue(j, i, head) += s.ofQuery(op.getCotangent(), head, i, re) * s.value(head, j, re);
    Expr raw = dot(r.x, r.y, n), weight = gradient.weight(n, r.y, r.x, raw);
    Expr cotangent = gradient.cotangent(n, r.y, r.x, weight, dotValue(r.x, r.y, n));
    Expr value = s.evaluate(region, {raw, cotangent}, n, r.y, r.x, add.getValue())[0];
    value = s.choose(s.seen(n, r.y, r.x), Halide::cast(s.element, value), 0);
    s.evaluate(region, {raw, cotangent}, n, r.y, r.x, {});
    std::vector<Expr> indices = captureIndices(kernel, capture, add.getIndices()), at{Expr(b), Expr(h)};
    for (int64_t d : captured.rest)
      at.push_back(Halide::unsafe_promise_clamped(indices[d], 0, kernel.extent(capture, d) - 1));
    at = kernel.reversed(at);
    result(at) = result(at) + atEach(r, Halide::cast(type, value));
    dots.push_back(dot);
    dots.push_back(dotValue);
  }
  kernel.yieldDirectly(target, result);
  for (auto [d, var] : llvm::enumerate(vars))
    result.bound(var, 0, kernel.extents(cast<RankedTensorType>(target.getType()))[d]);
  elementPerThread(result);
  for (size_t index = 0; index < captured.adds.size(); ++index) {
    elementPerThread(result.update(index));
    for (size_t each : {2 * index, 2 * index + 1})
      dots[each].compute_at(LoopLevel(result, RVar(result.rvars(index)[0])));
  }
}

} // namespace

void lowerOnDevice(AttentionGradOp op, KernelLowering &kernel) {
  Scores<AttentionGradOp> s(op, kernel);
  DeviceGradient(op, kernel, s, Of::query).lower(op.getDQuery());
  DeviceGradient(op, kernel, s, Of::key).lower(op.getDKey());
  DeviceGradient(op, kernel, s, Of::value).lower(op.getDValue());
  auto captured = captureGradients(op.getGradient(), op.getQuery().getType(), op.getCaptures());
  for (auto [each, target] : llvm::zip(captured, op.getDCaptures())) lowerCapture(op, kernel, s, each, target);
}

} // namespace fovea
