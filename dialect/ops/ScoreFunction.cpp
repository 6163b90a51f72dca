// Rules and gradients of score functions.
#include "dialect/ops/ScoreFunction.h"

#include "dialect/Gradients.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace fovea {

/// b, h, i and j.
constexpr unsigned places = 4;

Type scoreType(Type query) { return query.isF64() ? query : Float32Type::get(query.getContext()); }

RankedTensorType loadedType(RankedTensorType capture) {
  Type element = capture.getElementType();
  return RankedTensorType::get({}, isLowPrecision(element) ? scoreType(element) : element);
}

static LogicalResult verifyOps(Operation *op, Block &body, StringRef name, bool adds) {
  for (Operation &each : body.without_terminator()) {
    if (isa<ScoreLoadOp>(each) || (adds && isa<ScoreAddOp>(each))) continue;
    bool scalar = each.hasTrait<Point>() && llvm::all_of(each.getResultTypes(), [](Type type) {
                    auto tensor = cast<RankedTensorType>(type);
                    return tensor.getRank() == 0 && !isLowPrecision(tensor.getElementType());
                  });
    if (!scalar)
      return each.emitError() << op->getName().stripDialect() << ": its " << name << " function has a "
                              << each.getName().stripDialect() << " of "
                              << shapeText(cast<RankedTensorType>(each.getResult(0).getType()))
                              << ": it sees one query and one key and computes with scalars, of f32, f64, integers or "
                                 "booleans; compute tensors before, and load an element (c7)";
  }
  return success();
}

LogicalResult verifyScoreFunction(Operation *op, Region &region, StringRef name, unsigned scores, ValueRange captures,
                                  Type query, bool mask) {
  if (region.empty()) return success();
  Builder builder(op->getContext());
  Type score = RankedTensorType::get({}, scoreType(query)), place = RankedTensorType::get({}, builder.getI32Type());
  SmallVector<Type> types(scores, score);
  types.append(places, place);
  llvm::append_range(types, captures.getTypes());
  auto yield = region.hasOneBlock() ? dyn_cast<YieldOp>(region.front().getTerminator()) : YieldOp();
  Type result = mask ? RankedTensorType::get({}, builder.getI1Type()) : score;
  if (!yield || region.getArgumentTypes() != TypeRange(types) ||
      TypeRange(yield.getValues()) != TypeRange(ArrayRef<Type>(result)))
    return op->emitOpError() << name << " must be one block that takes " << scores
                             << " scores, b, h, i, j and the captures, and yields " << result << " (c6)";
  return verifyOps(op, region.front(), name, scores == 2);
}

void retypeCaptures(Operation *op, ValueRange captures) {
  for (Region &region : op->getRegions())
    if (!region.empty())
      for (auto [argument, capture] : llvm::zip(region.getArguments().take_back(captures.size()), captures))
        argument.setType(capture.getType());
}

LogicalResult differentiateScore(Region &score, Region &gradient, ArrayRef<bool> needed) {
  Block &from = score.front(), &body = gradient.emplaceBlock();
  Location location = score.getLoc();
  OpBuilder builder(location.getContext());
  builder.setInsertionPointToEnd(&body);
  IRMapping mapping;
  auto add = [&](BlockArgument argument) { return body.addArgument(argument.getType(), argument.getLoc()); };
  mapping.map(from.getArgument(0), add(from.getArgument(0)));
  Value cotangent = add(from.getArgument(0));
  for (BlockArgument argument : llvm::drop_begin(from.getArguments())) mapping.map(argument, add(argument));
  for (Operation &op : from.without_terminator()) builder.clone(op, mapping);

  SmallVector<Value> inputs{body.getArgument(0)};
  SmallVector<ScoreLoadOp> loads;
  for (ScoreLoadOp load : from.getOps<ScoreLoadOp>()) {
    unsigned capture = cast<BlockArgument>(load.getCapture()).getArgNumber() - 1 - places;
    if (!needed[capture] || !isFloat(load.getType().getElementType())) continue;
    loads.push_back(cast<ScoreLoadOp>(mapping.lookup(load.getResult()).getDefiningOp()));
    inputs.push_back(loads.back());
  }
  Value result = mapping.lookup(cast<YieldOp>(from.getTerminator()).getValues()[0]);
  FailureOr<SmallVector<Value>> cotangents = buildGradients(builder, result, inputs, cotangent);
  if (failed(cotangents)) return failure();
  for (auto [load, value] : llvm::zip(loads, llvm::drop_begin(*cotangents)))
    ScoreAddOp::create(builder, location, value, load.getCapture(), load.getIndices());
  YieldOp::create(builder, location, cotangents->front());
  return success();
}

//===-- Captures --------------------------------------------------------------------------------------------------===//

SmallVector<CaptureGradient> captureGradients(Region &gradient, RankedTensorType query, ValueRange captures) {
  SmallVector<CaptureGradient> result;
  if (gradient.empty()) return result;
  Shapes shapes(query.getContext());
  auto sizes = shapes.of(query);
  for (auto [number, capture] : llvm::enumerate(captures)) {
    CaptureGradient each{(unsigned)number, {}, -1, -1, {}};
    for (ScoreAddOp add : gradient.getOps<ScoreAddOp>())
      if (add.getCapture() == gradient.getArgument(2 + places + number)) each.adds.push_back(add);
    if (each.adds.empty()) continue;
    auto own = shapes.of(capture);
    auto isIndexedBy = [&](int64_t d, unsigned place) {
      return own[d] == sizes[place] && llvm::all_of(each.adds, [&](ScoreAddOp add) {
               return add.getIndices()[d] == gradient.getArgument(2 + place);
             });
    };
    for (int64_t d = 0; d < (int64_t)own.size(); ++d)
      if (each.batch < 0 && isIndexedBy(d, 0))
        each.batch = d;
      else if (each.head < 0 && isIndexedBy(d, 1))
        each.head = d;
      else
        each.rest.push_back(d);
    result.push_back(each);
  }
  return result;
}

RankedTensorType CaptureGradient::sums(RankedTensorType query, RankedTensorType capture) const {
  Shapes shapes(query.getContext());
  auto sizes = shapes.of(query), own = shapes.of(capture);
  SmallVector<AffineExpr> result{sizes[0], sizes[1]};
  for (int64_t d : rest) result.push_back(own[d]);
  return shapes.tensor(result, capture.getElementType());
}

Value CaptureGradient::total(OpBuilder &builder, Value sums, RankedTensorType capture) const {
  SmallVector<int64_t> axes, from; // dimensions of the capture, in the order of what is left
  if (batch < 0)
    axes.push_back(0);
  else
    from.push_back(batch);
  if (head < 0)
    axes.push_back(1);
  else
    from.push_back(head);
  from.append(rest);
  Value result = axes.empty() ? sums : SumOp::create(builder, sums.getLoc(), sums, axes, false).getResult();
  if (llvm::is_sorted(from)) return result;
  SmallVector<int64_t> permutation(from.size());
  for (auto [at, dimension] : llvm::enumerate(from)) permutation[dimension] = at;
  return TransposeOp::create(builder, sums.getLoc(), result, permutation);
}

} // namespace fovea
