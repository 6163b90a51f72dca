// The grad stage: @model becomes @forward and, where it is trained, @gradients, @update and the sequence @train_step.
#include "dialect/Gradients.h"
#include "lib/Check.h"
#include "lib/Passes.h"
#include "lib/grad/Grad.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace fovea {

#define GEN_PASS_DEF_GRADPASS
#include "lib/Passes.h.inc"

namespace {

/// Keeps the results that `keep` names and drops arguments that nothing reads then.
void trim(func::FuncOp function, function_ref<bool(unsigned)> keep) {
  Operation *terminator = function.front().getTerminator();
  llvm::BitVector results(function.getNumResults()), arguments(function.getNumArguments());
  for (unsigned index = 0; index < function.getNumResults(); ++index) results[index] = !keep(index);
  terminator->eraseOperands(results);
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front())))
    if (isOpTriviallyDead(&op)) op.erase();
  for (unsigned index = 0; index < function.getNumArguments(); ++index)
    arguments[index] = function.getArgument(index).use_empty();
  (void)function.eraseResults(results);
  (void)function.eraseArguments(arguments);
}

/// Puts one result before the others.
void moveResultFirst(func::FuncOp function, unsigned index) {
  Operation *terminator = function.front().getTerminator();
  SmallVector<Value> values = llvm::to_vector(terminator->getOperands());
  SmallVector<Attribute> attributes;
  for (unsigned result = 0; result < function.getNumResults(); ++result)
    attributes.push_back(DictionaryAttr::get(function.getContext(), function.getResultAttrs(result)));
  std::rotate(values.begin(), values.begin() + index, values.begin() + index + 1);
  std::rotate(attributes.begin(), attributes.begin() + index, attributes.begin() + index + 1);
  terminator->setOperands(values);
  function.setType(
      FunctionType::get(function.getContext(), function.getArgumentTypes(), TypeRange(ValueRange(values))));
  function.setResAttrsAttr(ArrayAttr::get(function.getContext(), attributes));
}

struct GradPass : impl::GradPassBase<GradPass> {
  using GradPassBase::GradPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto model = module.lookupSymbol<func::FuncOp>("model");
    if (!model) {
      module.emitError("the grad stage needs a function @model: is this module at the model stage?");
      return signalPassFailure();
    }
    if (failed(checkProgram(model))) return signalPassFailure();
    std::optional<unsigned> loss;
    for (unsigned index = 0; index < model.getNumResults(); ++index) {
      if (!model.getResultAttr(index, "fovea.loss")) continue;
      if (loss) {
        model.emitError("results ") << *loss << " and " << index << " are both marked fovea.loss: add them up into one";
        return signalPassFailure();
      }
      loss = index;
    }

    func::FuncOp forward = clone(model, "forward");
    resolveInference(forward);
    trim(forward, [&](unsigned index) { return index != loss; });
    if (loss && !inferenceOnly && failed(train(module, model, *loss))) return signalPassFailure();
    model.erase();
    module->setAttr("fovea.stage", StringAttr::get(module.getContext(), "grad"));
  }

  func::FuncOp clone(func::FuncOp model, StringRef name) {
    OpBuilder builder = OpBuilder::atBlockEnd(model->getParentOfType<ModuleOp>().getBody());
    auto function = cast<func::FuncOp>(builder.clone(*model));
    function.setSymName(name);
    function->removeAttr("fovea.optimizer");
    for (unsigned index = 0; index < function.getNumArguments(); ++index)
      function.removeArgAttr(index, "fovea.gradient");
    return function;
  }

  LogicalResult train(ModuleOp module, func::FuncOp model, unsigned loss) {
    auto type = cast<RankedTensorType>(model.getResultTypes()[loss]);
    auto optimizer = model->getAttrOfType<OptimizerAttr>("fovea.optimizer");
    if (isLowPrecision(type.getElementType()))
      return model.emitError("the loss is of ")
             << type.getElementType() << ": cast it, or what it is computed from, to f32";
    if (type.getRank() != 0 || !isFloat(type.getElementType()))
      return model.emitError("the loss is ") << shapeText(type) << " of " << type.getElementType()
                                             << ": it must be one floating-point number; take its mean or sum";
    if (!optimizer)
      return model.emitError("has a loss but no fovea.optimizer: name the rule that updates the parameters");
    FailureOr<SmallVector<unsigned>> inputs = inputsWithGradient(model, type.getElementType());
    bool scaled = optimizer.constant("loss_scale") != 0;
    if (failed(inputs) || failed(declareState(module)) ||
        (scaled && failed(declareLossScale(module, type, optimizer.constant("loss_scale")))))
      return failure();
    func::FuncOp gradients = clone(model, "gradients");
    moveResultFirst(gradients, loss);
    loss = 0;
    int64_t random = resolveTraining(gradients);
    if (failed(differentiate(module, gradients, loss, *inputs, scaled))) return failure();
    resolveRules(gradients);
    if (random) countDraws(gradients);
    trim(gradients, [&](unsigned index) { return index == loss || gradients.getResultAttr(index, "fovea.report"); });
    buildUpdate(module, optimizer, type.getElementType());
    declareTrainStep(module, gradients);
    return success();
  }

  /// The arguments that are marked: their gradients become results of @gradients.
  FailureOr<SmallVector<unsigned>> inputsWithGradient(func::FuncOp model, Type loss) {
    SmallVector<unsigned> inputs;
    for (unsigned index = 0; index < model.getNumArguments(); ++index) {
      if (!model.getArgAttr(index, "fovea.gradient")) continue;
      Type element = cast<RankedTensorType>(model.getArgumentTypes()[index]).getElementType();
      if (element != loss)
        return model.emitError("argument ") << index << " is of " << element << " but the loss is of " << loss
                                            << ": only inputs of the loss's type have a gradient";
      if (!model.getArgAttrOfType<StringAttr>(index, "fovea.name"))
        return model.emitError("argument ") << index << " has fovea.gradient but no fovea.name: name it";
      inputs.push_back(index);
    }
    return inputs;
  }

  /// Adds a state; null, with a diagnostic, where its name is taken.
  StateOp declare(OpBuilder &builder, ModuleOp module, Location location, const std::string &name, StringRef role,
                  RankedTensorType type) {
    if (Operation *other = module.lookupSymbol(name)) {
      other->emitOpError("is named '") << name << "', as a state of the training step is: choose another name";
      return {};
    }
    return StateOp::create(builder, location, name, role, type);
  }

  OpBuilder behindStates(ModuleOp module) {
    OpBuilder builder(module.getContext());
    builder.setInsertionPointToStart(module.getBody());
    for (StateOp state : module.getOps<StateOp>()) builder.setInsertionPointAfter(state);
    return builder;
  }

  LogicalResult declareState(ModuleOp module) {
    SmallVector<StateOp> states = llvm::to_vector(module.getOps<StateOp>());
    OpBuilder builder = behindStates(module);
    bool fresh = true;
    for (StateOp state : states) {
      if (state.getRole() != "parameter" || state.getFrozen()) continue;
      if (!isFloat(state.getTensor().getElementType()))
        return state.emitOpError("is of ")
               << state.getTensor().getElementType()
               << ": trained parameters are floating-point numbers; others are marked frozen";
      fresh &= bool(declare(builder, module, state.getLoc(), "gradient/" + state.getSymName().str(), "gradient",
                            state.getTensor()));
    }
    auto scalar = RankedTensorType::get({}, builder.getI64Type());
    for (auto [name, role] : {std::pair("seed", "seed"), {"draws", "counter"}, {"step", "counter"}})
      fresh &= bool(declare(builder, module, module.getLoc(), name, role, scalar));
    return success(fresh);
  }

  /// What the loss is multiplied by before its gradients are computed, and for how many updates it has held.
  LogicalResult declareLossScale(ModuleOp module, RankedTensorType type, double start) {
    OpBuilder builder = behindStates(module);
    auto count = RankedTensorType::get({}, builder.getI64Type());
    StateOp scale = declare(builder, module, module.getLoc(), "loss_scale", "optimizer", type);
    if (!scale || !declare(builder, module, module.getLoc(), "good_steps", "counter", count)) return failure();
    scale.setA(llvm::APFloat(start));
    return success();
  }

  /// Adds the parameters' gradients of this call, `scaled` by the loss scale, to those in the state, and returns those
  /// of `inputs`.
  LogicalResult differentiate(ModuleOp module, func::FuncOp function, unsigned loss, ArrayRef<unsigned> inputs,
                              bool scaled) {
    SmallVector<LoadOp> loads;
    SmallVector<Value> values;
    llvm::StringMap<LoadOp> first;
    for (LoadOp load : llvm::make_early_inc_range(function.getOps<LoadOp>())) {
      auto state = module.lookupSymbol<StateOp>(load.getState());
      if (state.getRole() != "parameter" || state.getFrozen()) continue;
      auto [known, fresh] = first.try_emplace(load.getState(), load);
      if (fresh) {
        loads.push_back(load);
        values.push_back(load.getResult());
      } else {
        load.replaceAllUsesWith(known->second.getResult());
        load.erase();
      }
    }
    for (unsigned input : inputs) values.push_back(function.getArgument(input));
    Operation *terminator = function.front().getTerminator();
    OpBuilder builder(terminator);
    Value result = terminator->getOperand(loss), scale;
    if (scaled) scale = LoadOp::create(builder, result.getLoc(), result.getType(), "loss_scale");
    FailureOr<SmallVector<Value>> gradients = buildGradients(builder, result, values, scale);
    if (failed(gradients)) return failure();
    for (auto [load, gradient] : llvm::zip(loads, *gradients)) {
      std::string name = "gradient/" + load.getState().str();
      Value old = LoadOp::create(builder, load.getLoc(), load.getType(), name);
      StoreOp::create(builder, load.getLoc(), AddOp::create(builder, load.getLoc(), old, gradient), name);
    }
    for (auto [input, gradient] : llvm::zip(inputs, llvm::drop_begin(*gradients, loads.size()))) {
      if (scaled) gradient = DivOp::create(builder, gradient.getLoc(), gradient, scale);
      addResult(function, input, gradient);
    }
    return success();
  }

  void addResult(func::FuncOp function, unsigned input, Value gradient) {
    Builder builder(function);
    auto name =
        builder.getStringAttr("gradient_" + function.getArgAttrOfType<StringAttr>(input, "fovea.name").getValue());
    unsigned index = function.getNumResults();
    (void)function.insertResult(
        index, gradient.getType(),
        builder.getDictionaryAttr(
            {builder.getNamedAttr("fovea.name", name), builder.getNamedAttr("fovea.report", builder.getUnitAttr())}));
    function.front().getTerminator()->insertOperands(index, gradient);
  }

  void countDraws(func::FuncOp function) {
    OpBuilder builder(function.front().getTerminator());
    auto type = RankedTensorType::get({}, builder.getI64Type());
    Value draws = LoadOp::create(builder, function.getLoc(), type, "draws");
    Value one = ConstantOp::create(builder, function.getLoc(), DenseElementsAttr::get(type, APInt(64, 1)));
    StoreOp::create(builder, function.getLoc(), AddOp::create(builder, function.getLoc(), draws, one), "draws");
  }

  /// @train_step has no body of its own: its host function calls @gradients and @update with scale 1.
  void declareTrainStep(ModuleOp module, func::FuncOp gradients) {
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto step = func::FuncOp::create(builder, module.getLoc(), "train_step", builder.getFunctionType({}, {}));
    step.setPrivate();
    step->setAttr("fovea.sequence", builder.getArrayAttr({FlatSymbolRefAttr::get(gradients.getSymNameAttr()),
                                                          FlatSymbolRefAttr::get(builder.getContext(), "update")}));
  }
};

} // namespace
} // namespace fovea
