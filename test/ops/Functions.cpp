// A function of the builder is written into a model of its own, whose body is then copied into the case.
#include "test/ops/Functions.h"

#include "dialect/Gradients.h"

#include <fovea/Model.h>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Parser/Parser.h"

namespace fovea::ops {

namespace {

DType dtypeOf(mlir::Type element) {
  if (element.isF64()) return fovea::f64;
  if (element.isF32()) return fovea::f32;
  if (element.isF16()) return fovea::f16;
  if (element.isBF16()) return fovea::bf16;
  return element.isInteger(64) ? fovea::i64 : element.isInteger(32) ? fovea::i32 : DType::boolean;
}

Value call(const Build &build, Values operands, const std::vector<Operand> &named, const Block &block) {
  Model model("function", dtypeOf(build.real));
  Dim items = model.symbol("B");
  std::vector<Tensor> inputs;
  for (Value operand : operands) {
    fovea::Shape shape;
    RankedTensorType type = typeOf(operand);
    for (AffineExpr size : build.shapes.of(type))
      shape.push_back(constantSize(size) ? Dim(*constantSize(size)) : items);
    inputs.push_back(model.input("x" + std::to_string(inputs.size()), shape, dtypeOf(type.getElementType())));
  }
  model.output("y", block(model, inputs));
  auto module = mlir::parseSourceString<mlir::ModuleOp>(model.text(), build.builder.getContext());
  mlir::Block &body = module->lookupSymbol<mlir::func::FuncOp>("model").front();
  mlir::IRMapping mapping;
  mapping.map(body.getArguments(), operands);
  for (mlir::Operation &op : body.without_terminator()) {
    auto load = mlir::dyn_cast<LoadOp>(op);
    auto parameter = llvm::find_if(named, [&](const Operand &each) { return load && each.name == load.getState(); });
    if (!load)
      build.builder.clone(op, mapping);
    else if (parameter != named.end() && load.getType() == operands[parameter - named.begin()].getType())
      mapping.map(load.getResult(), operands[parameter - named.begin()]);
    else
      throw std::invalid_argument("no operand has the name and type of the parameter " + load.getState().str());
  }
  return mapping.lookupOrDefault(body.getTerminator()->getOperand(0));
}

} // namespace

/// A block without parameters.
static Block blockOf(const Function &function) {
  return [=](const Model &, const std::vector<Tensor> &inputs) { return function(inputs); };
}

Case block(const std::string &name, std::vector<Operand> operands, const Block &block,
           std::function<Array(const Arrays &)> reference, Bound bound) {
  Case result{name, operands,
              [=](const Build &build, Values v) { return SmallVector<Value>{call(build, v, operands, block)}; },
              [=](const Arrays &a) { return Arrays{reference(a)}; }, bound};
  return composed(result);
}

Case function(const std::string &name, std::vector<Operand> operands, const Function &function,
              std::function<Array(const Arrays &)> reference, Bound bound) {
  return block(name, std::move(operands), blockOf(function), std::move(reference), bound);
}

Case gradientOf(const std::string &name, std::vector<Operand> operands, size_t which, const Function &function,
                const std::function<Array(const Arrays &)> &reference, Bound bound) {
  Case result{name, operands,
              [=](const Build &build, Values v) {
                Value y = call(build, v, operands, blockOf(function));
                SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, typeOf(y).getRank()));
                Value sum = build.make<SumOp>(y, axes, false);
                return *buildGradients(build.builder, sum, {v[which]});
              },
              [=](const Arrays &a) { return Arrays{reference(a)}; }, bound};
  return composed(valuesOnly(result));
}

Case slope(const std::string &name, Operand x, const Function &function, const std::function<double(double)> &reference,
           Bound bound) {
  return gradientOf(
      name + "_slope", {x}, 0, function, [=](const Arrays &a) { return reference::unary(a[0], reference); }, bound);
}

Case composed(Case of) {
  of.composed = true;
  return of;
}

std::vector<Case> mostlyWide(std::vector<Case> cases, const std::vector<std::string> &others) {
  for (Case &each : cases) each.wideOnly = !llvm::is_contained(others, each.name);
  return cases;
}

Case valuesOnly(Case of, bool signedZeros) {
  of.gradient = false;
  of.signedZeros = signedZeros;
  return of;
}

} // namespace fovea::ops
