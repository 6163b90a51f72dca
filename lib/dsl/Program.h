// The MLIR side of a Model: the module under construction, and the one way ops are added to it.
#pragma once

#include "dialect/Ops.h"
#include "dialect/Shape.h"

#include <fovea/Model.h>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSet.h"

namespace fovea::dsl {

/// `file:line: error: message`, with one note for each further line of the trail; only the message if it is empty.
[[noreturn]] void fail(const std::vector<Site> &trail, const llvm::Twine &message);

/// The module is valid at all times: the function ends in a return to which outputs are added.
struct Program {
  Program(const std::string &name, DType dtype, Site site);

  mlir::MLIRContext context;
  Shapes shapes; // the space of symbols that Dims are expressions over
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  mlir::func::ReturnOp end;
  mlir::OpBuilder builder; // before `end`
  std::string name;
  DType dtype;
  /// The element type of parameters: f32 where the model computes in less.
  DType stored() const { return dtype == DType::f16 || dtype == DType::bf16 ? DType::f32 : dtype; }
  Site site; // where the model was made
  llvm::StringSet<> names, parameters;
  bool trained = false;
  std::vector<Site> frames; // calls of the library's blocks, outermost first
  /// Where set, of every op, and messages come without lines: an importer's own lines say nothing to its user.
  std::optional<mlir::Location> place;

  // Between the author's values and MLIR's.
  static Value value(const Tensor &tensor) { return Value::getFromOpaquePointer(tensor.value); }
  static RankedTensorType typeOf(const Tensor &tensor) { return mlir::cast<RankedTensorType>(value(tensor).getType()); }
  Tensor tensor(Value value) { return {this, value.getAsOpaquePointer()}; }
  AffineExpr size(const Dim &dim, Site site);
  Dim dim(AffineExpr size);
  static Program *programOf(const Dim &dim) { return dim.program; }
  SmallVector<AffineExpr> sizes(const Shape &shape, Site site);
  mlir::Type element(DType dtype);
  /// The type of a shape whose numbers are not negative; `what` has it.
  RankedTensorType type(Site site, const llvm::Twine &what, ArrayRef<AffineExpr> sizes, mlir::Type element);
  static DType dtypeOf(RankedTensorType type);

  std::vector<Site> trail(Site site) const;
  mlir::Location location(const std::vector<Site> &trail);
  [[noreturn]] void fail(Site site, const llvm::Twine &message) const {
    dsl::fail(place ? std::vector<Site>() : trail(site), message);
  }

  /// The program of a tensor, or of tensors, which must all be of one model and not empty.
  static Program &of(const Located &x) { return of(x.site, {&x.tensor}); }
  static Program &of(Site site, ArrayRef<const Tensor *> tensors);

  /// Adds an op whose result types follow from its operands and attributes, given as to its builder. Fails with the
  /// op's own diagnostics.
  template <typename Op, typename... Arguments> Op make(Site site, Arguments &&...arguments);
  /// Adds an op of a given result type.
  template <typename Op, typename... Arguments> Op makeAs(Site site, RankedTensorType type, Arguments &&...arguments);

  /// buildGradients at the builder's place. Fails with its own diagnostics.
  SmallVector<Value> differentiate(Site site, Value of, ArrayRef<Value> inputs);
  /// Adds a custom_vjp with this rule.
  Value makeRule(Site site, ArrayRef<Value> inputs, Value value, mlir::Region &rule);
  /// Verifies an op whose regions were filled after it was made; fails with its own diagnostics.
  void check(Site site, mlir::Operation *op);

  /// The function of scalars under construction, if any: tensors from outside that it loads from, in order. Each is an
  /// argument of its block.
  struct ScalarFunction {
    mlir::Block *block;
    llvm::SmallVectorImpl<Value> &captures;
    Value argumentOf(Value capture); // made where it is new
  };
  std::optional<ScalarFunction> scalars;

private:
  /// Diagnostics of this context while it lives, with the op named by its mnemonic.
  struct Messages {
    explicit Messages(Program &program);
    std::string text;
    mlir::ScopedDiagnosticHandler handler;
  };
  mlir::Operation *insert(Site site, const mlir::OperationState &state, Messages &messages);
};

template <typename Op, typename... Arguments> Op Program::make(Site site, Arguments &&...arguments) {
  using namespace mlir;
  constexpr unsigned count = Op::template hasTrait<OpTrait::OneResult>()                    ? 1
                             : Op::template hasTrait<OpTrait::NResults<2>::template Impl>() ? 2
                                                                                            : 3;
  // The builder without result types aborts where inference fails; this one takes stand-ins.
  SmallVector<Type> unknown(count, builder.getNoneType());
  OperationState state(location(trail(site)), Op::getOperationName());
  Op::build(builder, state, TypeRange(unknown), std::forward<Arguments>(arguments)...);
  state.types.clear();
  Messages messages(*this);
  if (failed(Op::inferReturnTypes(&context, state.location, state.operands, state.attributes.getDictionary(&context),
                                  state.getRawProperties(), state.regions, state.types)))
    fail(site, messages.text);
  return mlir::cast<Op>(insert(site, state, messages));
}

template <typename Op, typename... Arguments>
Op Program::makeAs(Site site, RankedTensorType type, Arguments &&...arguments) {
  mlir::OperationState state(location(trail(site)), Op::getOperationName());
  Op::build(builder, state, mlir::TypeRange(type), std::forward<Arguments>(arguments)...);
  Messages messages(*this);
  return mlir::cast<Op>(insert(site, state, messages));
}

} // namespace fovea::dsl
