// Gradients inside a model.
#include "lib/dsl/Build.h"

#include "dialect/Gradients.h"

#include <fovea/Functions.h>

using namespace mlir;

namespace fovea {

using namespace dsl;

std::vector<Tensor> gradient(Located of, const std::vector<Tensor> &inputs) {
  SmallVector<const Tensor *> all{&of.tensor};
  for (const Tensor &input : inputs) all.push_back(&input);
  Program &program = Program::of(of.site, all);
  RankedTensorType type = Program::typeOf(of);
  if (type.getRank() != 0 || !isFloat(type.getElementType()))
    program.fail(of.site, "gradient of " + shapeText(type) + " of " + elementText(of) +
                              ": it must be one floating-point number; take a mean or a sum");
  SmallVector<Value> values;
  for (const Tensor &input : inputs) {
    values.push_back(valueOf(input));
    if (!isFloat(typeOf(values.back()).getElementType()))
      program.fail(of.site, "gradient with respect to " + shapeText(typeOf(values.back())) + " of " +
                                elementText(input) + ": only floats have one; cast it before it is used");
  }
  std::vector<Tensor> result;
  for (Value value : program.differentiate(of.site, valueOf(of), values)) result.push_back(program.tensor(value));
  return result;
}

Tensor custom_vjp(const std::vector<Tensor> &inputs, Located result, const GradientRule &rule) {
  SmallVector<const Tensor *> all{&result.tensor};
  for (const Tensor &input : inputs) all.push_back(&input);
  Program &program = Program::of(result.site, all);
  SmallVector<Value> values;
  for (const Tensor &input : inputs) values.push_back(valueOf(input));

  Region region;
  Block &block = region.emplaceBlock();
  {
    OpBuilder::InsertionGuard guard(program.builder);
    program.builder.setInsertionPointToStart(&block);
    auto argument = [&](Value like) { return program.tensor(block.addArgument(like.getType(), like.getLoc())); };
    std::vector<Tensor> given;
    for (Value value : values) given.push_back(argument(value));
    Tensor own = argument(valueOf(result)), cotangent = argument(valueOf(result));
    SmallVector<Value> yields;
    for (const Tensor &tensor : rule(given, own, cotangent)) {
      Program::of(result.site, {&result.tensor, &tensor});
      yields.push_back(valueOf(tensor));
    }
    if (TypeRange(ValueRange(yields)) != TypeRange(ValueRange(values)))
      program.fail(result.site, "custom_vjp: the rule gives " + Twine(yields.size()) + " cotangents for " +
                                    Twine(values.size()) +
                                    " inputs, or of other shapes or element types: give each input one like itself");
    YieldOp::create(program.builder, program.location(program.trail(result.site)), yields);
    for (Operation &op : block)
      for (Value operand : op.getOperands())
        if (operand.getParentBlock() != &block)
          program.fail(result.site, "custom_vjp: the rule uses " + shapeText(typeOf(operand)) + " from outside, in " +
                                        op.getName().stripDialect() + ": pass it as an input");
  }
  return program.tensor(program.makeRule(result.site, values, valueOf(result), region));
}

} // namespace fovea
