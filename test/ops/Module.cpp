// Cases to a module.
#include "test/ops/Module.h"

#include "lib/Pipeline.h"
#include "lib/halide/Lowering.h"
#include "tools/Register.h"

using namespace mlir;

namespace fovea::ops {

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registerDialects(registry);
  registerLowerings(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

std::string operandName(const Case &of, const Operand &operand) { return of.name + "." + operand.name; }
std::string resultName(const Case &of, size_t index) { return of.name + ".r" + std::to_string(index); }
std::string cotangentName(const Case &of, size_t index) { return of.name + ".g" + std::to_string(index); }

bool isParameter(const Case &of, const Operand &operand) {
  return of.gradient && operand.kind == Kind::real && !llvm::is_contained(operand.shape, batch);
}

RankedTensorType Build::type(const Shape &shape, Type element) const {
  auto symbol =
      DimsAttr::get(builder.getContext(), builder.getStringAttr("B"), getAffineSymbolExpr(0, builder.getContext()));
  SmallVector<AffineExpr> sizes;
  for (int64_t size : shape) sizes.push_back(size == batch ? shapes.of(symbol)[0] : shapes.constant(size));
  return shapes.tensor(sizes, element ? element : real);
}

Type elementOf(Precision precision, Builder builder) {
  switch (precision) {
  case Precision::f32:
    return builder.getF32Type();
  case Precision::f64:
    return builder.getF64Type();
  case Precision::f16:
    return builder.getF16Type();
  case Precision::bf16:
    return builder.getBF16Type();
  }
  llvm_unreachable("all precisions are listed");
}

namespace {

class Model {
public:
  Model(MLIRContext *context, Precision precision)
      : builder(context), shapes(context),
        module(ModuleOp::create(builder.getUnknownLoc(), "ops")), build{builder, shapes,
                                                                        elementOf(precision, builder)} {
    builder.setInsertionPointToEnd(module->getBody());
    function = func::FuncOp::create(builder, builder.getUnknownLoc(), "model", builder.getFunctionType({}, {}));
    builder.setInsertionPointToEnd(function.addEntryBlock());
  }

  void add(const Case &each) {
    SmallVector<Value> operands;
    for (const Operand &operand : each.operands) operands.push_back(value(each, operand));
    SmallVector<Value> values = each.build(build, operands);
    for (auto [index, value] : llvm::enumerate(values)) {
      results.push_back(value);
      names.push_back(resultName(each, index));
      if (each.gradient) addToLoss(each, index, value);
    }
  }

  OwningOpRef<ModuleOp> finish() {
    if (loss) results.push_back(loss), names.push_back("loss");
    func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
    function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), ValueRange(results).getTypes()));
    for (auto [index, name] : llvm::enumerate(names))
      function.setResultAttr(index, "fovea.name", builder.getStringAttr(name));
    if (loss) {
      function.setResultAttr(results.size() - 1, "fovea.loss", builder.getUnitAttr());
      function->setAttr("fovea.optimizer",
                        OptimizerAttr::get(builder.getContext(), "sgd", builder.getDictionaryAttr({})));
    }
    return std::move(module);
  }

private:
  Type element(Kind kind) {
    switch (kind) {
    case Kind::real:
      return build.real;
    case Kind::i32:
      return builder.getI32Type();
    case Kind::i64:
      return builder.getI64Type();
    case Kind::boolean:
      return builder.getI1Type();
    }
    llvm_unreachable("all kinds are listed");
  }

  Value input(const std::string &name, RankedTensorType type) {
    unsigned index = function.getNumArguments();
    auto attributes = builder.getDictionaryAttr(builder.getNamedAttr("fovea.name", builder.getStringAttr(name)));
    (void)function.insertArgument(index, type, attributes, builder.getUnknownLoc());
    return function.getArgument(index);
  }

  Value value(const Case &each, const Operand &operand) {
    RankedTensorType type = build.type(operand.shape, element(operand.kind));
    std::string name = operandName(each, operand);
    if (!isParameter(each, operand)) return input(name, type);
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(function);
      build.op<StateOp>(name, "parameter", type);
    }
    return build.make<LoadOp>(type, name);
  }

  void addToLoss(const Case &each, size_t index, Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    Value product = build.make<MulOp>(value, input(cotangentName(each, index), type));
    if (isLowPrecision(type.getElementType())) product = build.make<CastOp>(type.clone(builder.getF32Type()), product);
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    Value sum = build.make<SumOp>(product, axes, false);
    loss = loss ? build.make<AddOp>(loss, sum) : sum;
  }

  OpBuilder builder;
  Shapes shapes;
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  Build build;
  SmallVector<Value> results;
  std::vector<std::string> names;
  Value loss;
};

} // namespace

OwningOpRef<ModuleOp> buildModule(MLIRContext *context, ArrayRef<Case> cases, Precision precision) {
  Model model(context, precision);
  for (const Case &each : cases) model.add(each);
  return model.finish();
}

LogicalResult differentiate(ModuleOp module) {
  PassManager manager(module.getContext());
  addPasses(manager, Stage::model, Stage::grad, {});
  if (failed(manager.run(module))) return failure();
  for (const char *name : {"train_step", "update"})
    if (Operation *function = module.lookupSymbol(name)) function->erase();
  return success();
}

} // namespace fovea::ops
