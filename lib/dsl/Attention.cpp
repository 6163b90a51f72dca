// Attention: windows, and the author's functions as regions.
#include "lib/dsl/AttentionRegions.h"

#include "dialect/ops/ScoreFunction.h"

#include <fovea/Functions.h>

#include <cmath>

using namespace mlir;

namespace fovea {

using namespace dsl;

//===-- Functions of scalars --------------------------------------------------------------------------------------===//

static bool isInside(Program &program, Value value) { return value.getParentBlock() == program.scalars->block; }

Scalar load(Located tensor, const std::vector<Operand> &indices) {
  Program &program = Program::of(tensor);
  Value capture = valueOf(tensor);
  if (!program.scalars)
    program.fail(tensor.site, "load reads one element inside a score or mask function: elsewhere use slice or gather");
  if (isInside(program, capture))
    program.fail(tensor.site,
                 "load of a tensor that the function made itself: load from tensors made before attention");
  if ((int64_t)indices.size() != typeOf(capture).getRank())
    program.fail(tensor.site, "load of " + shapeText(typeOf(capture)) + " by " + Twine(indices.size()) +
                                  " indices: give one for each dimension");
  SmallVector<Value> values;
  for (const Operand &index : indices)
    values.push_back(
        valueOf(index.number ? constant(program, tensor.site, {}, *index.number, program.element(i32)) : index.tensor));
  for (Value index : values)
    if (!isInside(program, index) || !isInteger(typeOf(index).getElementType()))
      program.fail(tensor.site, "load of " + shapeText(typeOf(capture)) + " by an index of " +
                                    shapeText(typeOf(index)) + ": indices are integers made of b, h, i and j");
  RankedTensorType type = loadedType(typeOf(capture));
  return program.tensor(program.makeAs<ScoreLoadOp>(tensor.site, type, program.scalars->argumentOf(capture), values));
}

/// Makes the region of a function while it lives.
class FunctionBuilder {
public:
  FunctionBuilder(Program &program, Site site, Region &region, const char *name, Type score,
                  SmallVectorImpl<Value> &captures)
      : program(program), site(site), name(name), guard(program.builder), captures(captures) {
    if (program.scalars)
      program.fail(site, "attention: inside another one's score or mask function: compute it before");
    Block &block = region.emplaceBlock();
    program.builder.setInsertionPointToStart(&block);
    if (score) add(block, score);
    for (int place = 0; place < 4; ++place) add(block, program.builder.getI32Type());
    for (Value capture : captures) block.addArgument(capture.getType(), capture.getLoc());
    program.scalars.emplace(Program::ScalarFunction{&block, captures});
    program.frames.push_back(site);
  }
  ~FunctionBuilder() {
    program.frames.pop_back();
    program.scalars.reset();
  }

  Tensor argument(unsigned index) { return program.tensor(program.scalars->block->getArgument(index)); }

  void yield(const Tensor &result, Type element) {
    Program::of(site, {&result});
    loadScalars();
    Value value = valueOf(result);
    if (!isInside(program, value) && typeOf(value).getRank() == 0) value = inside(value);
    RankedTensorType type = RankedTensorType::get({}, element);
    if (value.getType() != type) {
      std::string wanted;
      llvm::raw_string_ostream(wanted) << element;
      program.fail(site, Twine("attention: the ") + name + " function gives " + shapeText(typeOf(value)) + " of " +
                             elementText(result) + ": it must give one number, () of " + wanted);
    }
    YieldOp::create(program.builder, value.getLoc(), value);
  }

private:
  void add(Block &block, Type element) {
    block.addArgument(RankedTensorType::get({}, element), program.location(program.trail(site)));
  }

  /// A scalar from outside, loaded at the builder's place.
  Value inside(Value scalar) {
    return ScoreLoadOp::create(program.builder, scalar.getLoc(), loadedType(typeOf(scalar)),
                               program.scalars->argumentOf(scalar), ValueRange());
  }

  /// What the function takes from outside as it is becomes loads; tensors with dimensions are errors.
  void loadScalars() {
    Block *block = program.scalars->block;
    OpBuilder::InsertionGuard guard(program.builder);
    for (Operation &op : *block)
      for (OpOperand &operand : op.getOpOperands()) {
        if (isInside(program, operand.get())) continue;
        RankedTensorType type = typeOf(operand.get());
        if (type.getRank() > 0)
          program.fail(site, Twine("attention: the ") + name + " function computes with " + shapeText(type) +
                                 " from outside, in " + op.getName().stripDialect() +
                                 ": it sees one query and one key, so load(tensor, index, ..) an element");
        program.builder.setInsertionPoint(&op);
        operand.set(inside(operand.get()));
      }
  }

  Program &program;
  Site site;
  const char *name;
  OpBuilder::InsertionGuard guard;
  SmallVectorImpl<Value> &captures;
};

//===-- Attention -------------------------------------------------------------------------------------------------===//

static Window windowOf(Program &program, Site site, RankedTensorType q, RankedTensorType k,
                       const AttentionOptions &options) {
  for (std::optional<int64_t> side : {options.window_left, options.window_right})
    if (side && *side < 0)
      program.fail(site, "attention: a window of " + Twine(*side) +
                             " keys to one side: it must not be negative; leave it out to see all");
  Window window{options.window_left.value_or(-1), options.window_right.value_or(-1)};
  if (options.causal && options.window_right.value_or(0) != 0)
    program.fail(site, "attention: causal, yet a window of " + Twine(window.right) +
                           " keys to the right: drop one of the two");
  if (options.causal) window.right = 0;
  if ((window.left < 0 && window.right < 0) || q.getRank() != 4 || k.getRank() != 4) return window;
  auto queries = program.shapes.of(q)[2], keys = program.shapes.of(k)[2];
  std::optional<int64_t> difference = constantSize(program.shapes.normal(keys - queries));
  if (!difference)
    program.fail(site, "attention: a window over " + program.shapes.text(keys) + " keys and " +
                           program.shapes.text(queries) +
                           " queries: their difference must be a number, since positions are aligned at the end");
  window.offset = *difference;
  return window;
}

AttentionRegions::AttentionRegions(Program &program, Site site, const Tensor &query, const Tensor &key,
                                   const AttentionOptions &options, int64_t first)
    : program(program), site(site) {
  RankedTensorType q = Program::typeOf(query), k = Program::typeOf(key);
  if (q.getRank() == 4 && q.isDynamicDim(3) && !options.scale)
    program.fail(site, "attention: the head size of query " + shapeText(q) + " is symbolic: give the scale");
  scale = options.scale.value_or(q.getRank() == 4 ? 1 / std::sqrt((double)q.getDimSize(3)) : 1);
  window = windowOf(program, site, q, k, options);
  if (options.kv_lengths) {
    Program::of(site, {&query, &*options.kv_lengths});
    kvLengths = valueOf(*options.kv_lengths);
  }
  trace(options, scoreType(q.getElementType()), first);
}

void AttentionRegions::trace(const AttentionOptions &options, Type element, int64_t first) {
  auto query = [&](const Tensor &i) { return first ? i + (double)first : i; };
  if (options.score) {
    FunctionBuilder function(program, site, score, "score", element, captures);
    auto at = [&](unsigned index) { return function.argument(index); };
    function.yield(options.score(at(0), at(1), at(2), query(at(3)), at(4)), element);
  }
  if (options.mask) {
    FunctionBuilder function(program, site, mask, "mask", {}, captures);
    auto at = [&](unsigned index) { return function.argument(index); };
    function.yield(options.mask(at(0), at(1), query(at(2)), at(3)), program.builder.getI1Type());
  }
  if (options.score)
    for (Value capture : ArrayRef<Value>(captures).drop_front(score.getNumArguments() - 5))
      score.addArgument(capture.getType(), capture.getLoc());
}

Attended attend(Located query, Located key, Located value, AttentionOptions options) {
  Program &program = Program::of(query.site, {&query.tensor, &key.tensor, &value.tensor});
  AttentionRegions regions(program, query.site, query, key, options);
  auto op = program.make<AttentionOp>(query.site, valueOf(query), valueOf(key), valueOf(value), regions.lengths(),
                                      Value(), regions.captures, llvm::APFloat(regions.scale), regions.window.left,
                                      regions.window.right, regions.window.offset, llvm::APFloat(options.dropout));
  regions.fill(op);
  return {program.tensor(op.getResult()), program.tensor(op.getLogSumExp())};
}

Tensor attention(Located query, Located key, Located value, AttentionOptions options) {
  return attend(query, key, value, std::move(options)).result;
}

//===-- Parts and sinks -------------------------------------------------------------------------------------------===//

/// (b, heads, queries) as it broadcasts against results.
static Tensor asColumn(const Tensor &rows, Site site) {
  Shape shape = rows.shape(site);
  shape.push_back(1);
  return reshape({rows, site}, shape);
}

Attended merge(const std::vector<Attended> &parts, Site site) {
  if (parts.empty()) dsl::fail({site}, "merge: there are no parts: give at least one");
  std::vector<Tensor> sums;
  for (const Attended &part : parts) sums.push_back(part.log_sum_exp);
  Tensor all = log_sum_exp({stack(sums, -1, site), site}), result;
  // Where no part sees a key, each has -inf, and zeros.
  Tensor finite = where({Operand(-INFINITY, site) < Operand(all, site), site}, {all, site}, {0.0, site});
  for (const Attended &part : parts) {
    Tensor weight = exp({Operand(part.log_sum_exp, site) - Operand(finite, site), site});
    Tensor each = Operand(part.result, site) * Operand(asColumn(weight, site), site);
    result = &part == &parts.front() ? each : Operand(result, site) + Operand(each, site);
  }
  return {result, all};
}

Tensor with_sink(const Attended &attended, Located sink) {
  Shape shape = attended.log_sum_exp.shape(sink.site);
  Tensor scores = reshape(sink, {1, shape[1], 1});
  Tensor kept = sigmoid({Operand(attended.log_sum_exp, sink.site) - Operand(scores, sink.site), sink.site});
  return Operand(attended.result, sink.site) * Operand(asColumn(kept, sink.site), sink.site);
}

} // namespace fovea
