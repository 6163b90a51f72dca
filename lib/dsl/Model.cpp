// Models: declarations, training, and the text of the module.
#include "lib/dsl/Build.h"

#include <fovea/Functions.h>

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <fstream>
#include <iostream>

using namespace mlir;

namespace fovea {

using dsl::Program;

//===-- Initializers and optimizers -------------------------------------------------------------------------------===//

Initializer zeros() { return constant(0); }
Initializer ones() { return constant(1); }
Initializer constant(double value) { return {"constant", value, 0}; }
Initializer normal(double deviation, double mean) { return {"normal", mean, deviation}; }
Initializer truncated_normal(double deviation, double mean) { return {"truncated_normal", mean, deviation}; }
Initializer uniform(double low, double high) { return {"uniform", low, high}; }
Initializer xavier_uniform(double inputs, double outputs) {
  double bound = std::sqrt(6 / (inputs + outputs));
  return uniform(-bound, bound);
}
Initializer kaiming_uniform(double inputs) {
  double bound = std::sqrt(6 / inputs);
  return uniform(-bound, bound);
}
Initializer pytorch_uniform(double inputs) {
  double bound = std::sqrt(1 / inputs);
  return uniform(-bound, bound);
}

Optimizer::Optimizer(const SGD &sgd)
    : kind("sgd"), constants{{"momentum", sgd.momentum},
                             {"nesterov", sgd.nesterov ? 1.0 : 0.0},
                             {"weight_decay", sgd.weight_decay}} {}
template <typename Adaptive> static std::vector<std::pair<std::string, double>> adaptive(const Adaptive &of) {
  return {{"beta1", of.beta1}, {"beta2", of.beta2}, {"epsilon", of.epsilon}, {"weight_decay", of.weight_decay}};
}
Optimizer::Optimizer(const Adam &adam) : kind("adam"), constants(adaptive(adam)) {}
Optimizer::Optimizer(const AdamW &adamw) : kind("adamw"), constants(adaptive(adamw)) {}
Optimizer::Optimizer(const Adagrad &adagrad)
    : kind("adagrad"), constants{{"epsilon", adagrad.epsilon}, {"weight_decay", adagrad.weight_decay}} {}
Optimizer::Optimizer(const LAMB &lamb) : kind("lamb"), constants(adaptive(lamb)) {}

//===-- Names -----------------------------------------------------------------------------------------------------===//

static bool isIdentifier(StringRef name) {
  return !name.empty() && !llvm::isDigit(name[0]) &&
         llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

/// Takes a name that becomes a C identifier of the model's interface.
static void claim(Program &program, Site site, const char *what, const std::string &name) {
  if (!isIdentifier(name))
    program.fail(site, Twine(what) + " '" + name + "': a name is letters, digits and _, and begins with no digit");
  if (!program.names.insert(name).second)
    program.fail(site, Twine(what) + " '" + name + "': an input, output or symbol already has this name");
}

//===-- Scopes and parameters -------------------------------------------------------------------------------------===//

Scope::Scope(const Model &model) : program(&model.program()) {}

static void add(std::vector<Site> &trail, Site site) {
  if (trail.empty() || trail.back().line != site.line || StringRef(trail.back().file) != site.file)
    trail.push_back(site);
}

Scope operator/(const Scope &scope, const Name &name) {
  Scope result = scope;
  result.path += name.text + ".";
  add(result.trail, name.site);
  return result;
}

void Scope::fail(const std::string &message) const {
  dsl::fail(trail.empty() ? std::vector<Site>{program->site} : trail, message);
}

Tensor Scope::parameter(const Name &name, const Shape &shape, const Initializer &initializer,
                        const ParameterOptions &options) const {
  std::vector<Site> lines = trail;
  add(lines, name.site);
  std::string full = path + name.text;
  if (full.empty() || !llvm::all_of(full, [](char c) { return llvm::isAlnum(c) || StringRef("_.-").contains(c); }))
    dsl::fail(lines, "parameter '" + full + "': a name is letters, digits, _, - and points between its parts");
  if (llvm::is_contained({"model", "forward", "gradients", "update", "train_step"}, full))
    dsl::fail(lines, "parameter '" + full + "' has the name of an entry point: give it another");
  if (!program->parameters.insert(full).second)
    dsl::fail(lines, "parameter '" + full + "' exists already: give each its own scope or name");
  for (const Dim &dim : shape)
    if (dim.constant().value_or(0) < 1)
      dsl::fail(lines, "parameter '" + full + "' has shape " + program->shapes.text(program->sizes(shape, name.site)) +
                           ": its sizes must be positive numbers");

  RankedTensorType type = program->shapes.tensor(program->sizes(shape, name.site), program->element(program->stored()));
  OpBuilder &builder = program->builder;
  Location location = program->location(lines);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(program->function);
    StateOp::create(builder, location, full, "parameter", type, initializer.kind, llvm::APFloat(initializer.a),
                    llvm::APFloat(initializer.b), options.frozen, options.decay.value_or(shape.size() >= 2),
                    llvm::APFloat(options.rate), IntegerAttr(), PanelsAttr());
  }
  Tensor value = program->tensor(LoadOp::create(builder, location, type, full));
  return program->stored() == program->dtype ? value : fovea::cast({value, name.site}, program->dtype);
}

//===-- Models ----------------------------------------------------------------------------------------------------===//

Model::Model(const std::string &name, DType dtype, Site site) {
  if (!isIdentifier(name))
    dsl::fail({site}, "model '" + name + "': a name is letters, digits and _, and begins with no digit");
  if (dtype != f32 && dtype != f64 && dtype != f16 && dtype != bf16)
    dsl::fail({site}, "model '" + name + "': its element type must be f32, f64, f16 or bf16");
  implementation = std::make_shared<Program>(name, dtype, site);
}

const std::string &Model::name() const { return program().name; }

Dim Model::symbol(const std::string &name, Site site) {
  Program &program = this->program();
  claim(program, site, "symbol", name);
  auto dims =
      DimsAttr::get(&program.context, program.builder.getStringAttr(name), getAffineSymbolExpr(0, &program.context));
  return program.dim(program.shapes.of(dims)[0]);
}

static NamedAttribute named(Program &program, const std::string &name) {
  return program.builder.getNamedAttr("fovea.name", program.builder.getStringAttr(name));
}

Tensor Model::input(const std::string &name, const Shape &shape, std::optional<DType> dtype, Site site) {
  Program &program = this->program();
  claim(program, site, "input", name);
  RankedTensorType type = program.type(site, "input '" + name + "'", program.sizes(shape, site),
                                       program.element(dtype.value_or(program.stored())));
  unsigned index = program.function.getNumArguments();
  (void)program.function.insertArgument(index, type, program.builder.getDictionaryAttr(named(program, name)),
                                        program.location({site}));
  return program.tensor(program.function.getArgument(index));
}

/// Adds a result to the function.
static void addResult(Program &program, unsigned index, Value value, ArrayRef<NamedAttribute> attributes) {
  (void)program.function.insertResult(index, value.getType(), program.builder.getDictionaryAttr(attributes));
  program.end->insertOperands(index, value);
}

void Model::output(const std::string &name, Located tensor) {
  Program &program = this->program();
  claim(program, tensor.site, "output", name);
  if (&Program::of(tensor) != &program)
    program.fail(tensor.site,
                 "output '" + name + "' is of model '" + Program::of(tensor).name + "', not '" + program.name + "'");
  // The loss comes last.
  unsigned index = program.function.getNumResults() - program.trained;
  addResult(program, index, Program::value(tensor), named(program, name));
}

/// Marks an input whose gradient becomes an output of training.
static void wantInputGradient(Program &program, Site site, const std::string &name) {
  for (BlockArgument argument : program.function.getArguments()) {
    unsigned index = argument.getArgNumber();
    if (program.function.getArgAttrOfType<StringAttr>(index, "fovea.name").getValue() != name) continue;
    if (Type element = llvm::cast<RankedTensorType>(argument.getType()).getElementType();
        element != program.element(program.stored())) {
      std::string text;
      llvm::raw_string_ostream(text) << "input '" << name << "' is of " << element << ", the loss of "
                                     << program.element(program.stored());
      program.fail(site, "train: " + text + ": there is a gradient only of inputs of the loss's type");
    }
    claim(program, site, "output", "gradient_" + name);
    program.function.setArgAttr(index, "fovea.gradient", program.builder.getUnitAttr());
    return;
  }
  program.fail(site, "train: input_gradients names '" + name + "', which is no input: give an input's name");
}

void Model::train(Located loss, const Optimizer &optimizer, const TrainOptions &options) {
  Program &program = this->program();
  Builder &builder = program.builder;
  if (program.trained)
    program.fail(loss.site, "train: '" + program.name + "' is trained already: a model has one loss");
  if (&Program::of(loss) != &program)
    program.fail(loss.site, "train: the loss is of model '" + Program::of(loss).name + "', not '" + program.name + "'");
  RankedTensorType type = Program::typeOf(loss);
  if (isLowPrecision(type.getElementType()))
    program.fail(loss.site,
                 "train: the loss is of " + dsl::elementText(loss) + ": cast it, or what it is computed from, to f32");
  if (type.getRank() != 0 || !isFloat(type.getElementType()))
    program.fail(loss.site, "train: the loss has shape " + shapeText(type) + ": it must be one float, such as a mean");
  if (!(options.ema >= 0 && options.ema < 1))
    program.fail(loss.site, "train: ema is " + std::to_string(options.ema) + ": it must be at least 0 and below 1");
  if (options.loss_scale != 0 && !(options.loss_scale >= 1 && options.loss_scale <= 0x1p24))
    program.fail(loss.site, "train: loss_scale is " + std::to_string(options.loss_scale) +
                                ": it must be between 1 and 2^24, or 0 for none");
  if (options.growth_interval < 1)
    program.fail(loss.site,
                 "train: growth_interval is " + std::to_string(options.growth_interval) + ": it must be at least 1");
  for (const std::string &name : options.report) {
    bool found = false;
    for (unsigned index = 0; index < program.function.getNumResults(); ++index)
      if (program.function.getResultAttrOfType<StringAttr>(index, "fovea.name").getValue() == name) {
        program.function.setResultAttr(index, "fovea.report", builder.getUnitAttr());
        found = true;
      }
    if (!found) program.fail(loss.site, "train: reports '" + name + "', which is no output: declare it before");
  }
  for (const std::string &name : options.input_gradients) wantInputGradient(program, loss.site, name);
  claim(program, loss.site, "output", "loss");
  addResult(program, program.function.getNumResults(), Program::value(loss),
            {named(program, "loss"), builder.getNamedAttr("fovea.loss", builder.getUnitAttr())});
  SmallVector<NamedAttribute> constants;
  auto add = [&](StringRef name, double value) {
    constants.push_back(builder.getNamedAttr(name, builder.getF64FloatAttr(value)));
  };
  for (const auto &[name, value] : optimizer.constants) add(name, value);
  add("clip_norm", options.clip_norm);
  if (options.ema != 0) add("ema", options.ema);
  if (options.loss_scale != 0) {
    add("loss_scale", options.loss_scale);
    add("growth_interval", (double)options.growth_interval);
  }
  program.function->setAttr("fovea.optimizer",
                            OptimizerAttr::get(&program.context, optimizer.kind, builder.getDictionaryAttr(constants)));
  program.trained = true;
}

int64_t Model::trained_parameters() const {
  int64_t count = 0;
  for (StateOp state : program().module->getOps<StateOp>())
    if (!state.getFrozen()) count += state.getTensor().getNumElements();
  return count;
}

std::string Model::text() const {
  Program &program = this->program();
  if (program.function.getNumResults() == 0)
    program.fail(program.site,
                 "model '" + program.name + "' has no output: call output(name, tensor) or train(loss, optimizer)");
  std::string messages;
  ScopedDiagnosticHandler handler(&program.context,
                                  [&](Diagnostic &diagnostic) { messages += diagnostic.str() + "\n"; });
  if (failed(verify(*program.module)))
    program.fail(program.site,
                 "model '" + program.name + "' does not verify, which is a mistake of Fovea's: " + messages);
  std::string result;
  llvm::raw_string_ostream stream(result);
  program.module->print(stream, OpPrintingFlags().enableDebugInfo());
  return result;
}

void Model::write(const std::string &path) const {
  std::string text = this->text();
  if (path == "-") {
    std::cout << text << std::flush;
    return;
  }
  std::ofstream file(path);
  file << text << std::flush;
  if (!file) program().fail(program().site, "cannot write '" + path + "': is it in an existing, writable folder?");
}

//===-- Frames ----------------------------------------------------------------------------------------------------===//

Frame::Frame(const Located &x) : program(&Program::of(x)) { program->frames.push_back(x.site); }
Frame::~Frame() { program->frames.pop_back(); }
void Frame::fail(const std::string &message) const {
  dsl::fail(program->place ? std::vector<Site>() : program->frames, message);
}

} // namespace fovea
