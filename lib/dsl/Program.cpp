// Ops, locations and errors of a model under construction; sizes as the author's Dims.
#include "lib/dsl/Program.h"

#include "dialect/Gradients.h"

#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace fovea {
namespace dsl {

void fail(const std::vector<Site> &trail, const Twine &message) {
  std::string text = trail.empty() ? message.str() : "";
  for (const Site &site : trail) {
    bool first = &site == &trail.front();
    text += (first ? "" : "\n") + std::string(site.file) + ":" + std::to_string(site.line) +
            (first ? ": error: " + message.str() : ": note: from here");
  }
  throw Error(text);
}

Program::Program(const std::string &name, DType dtype, Site site)
    : context(MLIRContext::Threading::DISABLED), shapes(&context), builder(&context), name(name), dtype(dtype),
      site(site) {
  context.loadDialect<FoveaDialect, func::FuncDialect>();
  Location here = location({site});
  module = ModuleOp::create(here, name);
  (*module)->setAttr("fovea.stage", builder.getStringAttr("model"));
  builder.setInsertionPointToStart(module->getBody());
  function = func::FuncOp::create(builder, here, "model", builder.getFunctionType({}, {}));
  builder.setInsertionPointToStart(function.addEntryBlock());
  end = func::ReturnOp::create(builder, here);
  builder.setInsertionPoint(end);
}

std::vector<Site> Program::trail(Site site) const {
  std::vector<Site> result = frames;
  // A block that passes its tensor's line on says nothing new.
  bool known = !result.empty() && result.back().line == site.line && StringRef(result.back().file) == site.file;
  if (!known) result.push_back(site);
  return result;
}

Location Program::location(const std::vector<Site> &trail) {
  if (place) return *place;
  SmallVector<Location> lines;
  for (const Site &site : trail) lines.push_back(FileLineColLoc::get(&context, site.file, site.line, 0));
  // Diagnostics print the first line of a fused location: the author's.
  return FusedLoc::get(&context, lines);
}

Program &Program::of(Site site, ArrayRef<const Tensor *> tensors) {
  Program *program = nullptr;
  for (const Tensor *tensor : tensors) {
    if (!tensor->program)
      dsl::fail({site}, "this tensor is empty: assign it an input, a parameter or a result before it is used");
    if (program && tensor->program != program)
      program->fail(site, "tensors of the models '" + program->name + "' and '" + tensor->program->name +
                              "' meet: each model computes with its own inputs and parameters");
    program = tensor->program;
  }
  return *program;
}

Program::Messages::Messages(Program &program)
    : handler(&program.context, [this](Diagnostic &diagnostic) {
        // `'fovea.exp' op operand #0 ...` is what a verifier of MLIR's says.
        std::string line = diagnostic.str();
        size_t end = line.find("' op ");
        if (StringRef(line).starts_with("'fovea.") && end != std::string::npos)
          line = line.substr(7, end - 7) + ": " + line.substr(end + 5);
        text += (text.empty() ? "" : "; ") + line;
      }) {}

SmallVector<Value> Program::differentiate(Site site, Value of, ArrayRef<Value> inputs) {
  Messages messages(*this);
  FailureOr<SmallVector<Value>> gradients = buildGradients(builder, of, inputs);
  if (failed(gradients)) fail(site, messages.text);
  return *gradients;
}

Value Program::makeRule(Site site, ArrayRef<Value> inputs, Value value, Region &rule) {
  OperationState state(location(trail(site)), CustomVjpOp::getOperationName());
  CustomVjpOp::build(builder, state, TypeRange(value.getType()), inputs, value);
  state.regions.front()->takeBody(rule);
  Messages messages(*this);
  return insert(site, state, messages)->getResult(0);
}

void Program::check(Site site, Operation *op) {
  Messages messages(*this);
  if (succeeded(verify(op))) return;
  op->erase();
  fail(site, messages.text);
}

Value Program::ScalarFunction::argumentOf(Value capture) {
  size_t index = llvm::find(captures, capture) - captures.begin();
  if (index == captures.size()) {
    captures.push_back(capture);
    block->addArgument(capture.getType(), capture.getLoc());
  }
  return block->getArguments().take_back(captures.size())[index];
}

Operation *Program::insert(Site site, const OperationState &state, Messages &messages) {
  Operation *op = builder.create(state);
  if (succeeded(verify(op))) return op;
  op->erase();
  fail(site, messages.text);
}

//===-- Types -----------------------------------------------------------------------------------------------------===//

Type Program::element(DType dtype) {
  switch (dtype) {
  case DType::f32:
    return builder.getF32Type();
  case DType::f64:
    return builder.getF64Type();
  case DType::f16:
    return builder.getF16Type();
  case DType::bf16:
    return builder.getBF16Type();
  case DType::i32:
    return builder.getI32Type();
  case DType::i64:
    return builder.getI64Type();
  case DType::i8:
    return builder.getI8Type();
  case DType::u8:
    return builder.getIntegerType(8, false);
  case DType::boolean:
    return builder.getI1Type();
  }
  llvm_unreachable("all element types are listed");
}

DType Program::dtypeOf(RankedTensorType type) {
  Type element = type.getElementType();
  if (element.isF32()) return DType::f32;
  if (element.isF64()) return DType::f64;
  if (element.isF16()) return DType::f16;
  if (element.isBF16()) return DType::bf16;
  if (element.isInteger(8)) return element.isUnsignedInteger() ? DType::u8 : DType::i8;
  return element.isInteger(32) ? DType::i32 : element.isInteger(64) ? DType::i64 : DType::boolean;
}

AffineExpr Program::size(const Dim &dim, Site site) {
  if (!dim.program) return shapes.constant(dim.number);
  if (dim.program != this)
    fail(site, "a size of model '" + dim.program->name + "' is used in model '" + name + "': each has its own symbols");
  return AffineExpr(static_cast<AffineExpr::ImplType *>(const_cast<void *>(dim.expression)));
}

Dim Program::dim(AffineExpr size) {
  if (std::optional<int64_t> number = constantSize(size)) return Dim(*number);
  return Dim(this, size.getAsOpaquePointer());
}

SmallVector<AffineExpr> Program::sizes(const Shape &shape, Site site) {
  SmallVector<AffineExpr> result;
  for (const Dim &dim : shape) result.push_back(size(dim, site));
  return result;
}

RankedTensorType Program::type(Site site, const Twine &what, ArrayRef<AffineExpr> sizes, Type element) {
  for (AffineExpr size : sizes)
    if (constantSize(size).value_or(1) < 0)
      fail(site, what + ": shape " + shapes.text(sizes) + ": sizes must not be negative");
  return shapes.tensor(sizes, element);
}

} // namespace dsl

//===-- Sizes -----------------------------------------------------------------------------------------------------===//

using dsl::Program;

std::optional<int64_t> Dim::constant() const { return program ? std::nullopt : std::optional(number); }

template <typename Function> static Dim combine(LocatedDim a, LocatedDim b, Function function) {
  Program *program = Program::programOf(a.dim) ? Program::programOf(a.dim) : Program::programOf(b.dim);
  if (!program) return function(*a.dim.constant(), *b.dim.constant());
  return program->dim(program->shapes.normal(function(program->size(a.dim, a.site), program->size(b.dim, a.site))));
}

Dim operator+(LocatedDim a, LocatedDim b) {
  return combine(a, b, [](auto x, auto y) { return x + y; });
}
Dim operator-(LocatedDim a, LocatedDim b) {
  return combine(a, b, [](auto x, auto y) { return x - y; });
}
Dim operator*(LocatedDim a, LocatedDim b) {
  return combine(a, b, [](auto x, auto y) { return x * y; });
}
Dim operator/(LocatedDim a, LocatedDim b) {
  if (b.dim.constant().value_or(0) < 1) dsl::fail({a.site}, "a size is divided: the divisor must be a positive number");
  if (a.dim.constant()) return *a.dim.constant() / *b.dim.constant();
  Program &program = *Program::programOf(a.dim);
  return program.dim(program.shapes.normal(program.size(a.dim, a.site).floorDiv(*b.dim.constant())));
}

//===-- Tensors ---------------------------------------------------------------------------------------------------===//

Shape Tensor::shape(Site site) const {
  Program &program = Program::of(site, {this});
  Shape result;
  for (AffineExpr size : program.shapes.of(Program::typeOf(*this))) result.push_back(program.dim(size));
  return result;
}

int64_t Tensor::rank(Site site) const {
  Program::of(site, {this});
  return Program::typeOf(*this).getRank();
}

Dim Tensor::dim(int64_t axis, Site site) const {
  Shape sizes = shape(site);
  int64_t rank = sizes.size(), index = axis < 0 ? axis + rank : axis;
  if (index < 0 || index >= rank)
    Program::of(site, {this})
        .fail(site, "axis " + Twine(axis) + " of " + shapeText(Program::typeOf(*this)) + ": a tensor of rank " +
                        Twine(rank) + " has none");
  return sizes[index];
}

DType Tensor::dtype(Site site) const {
  Program::of(site, {this});
  return Program::dtypeOf(Program::typeOf(*this));
}

} // namespace fovea
