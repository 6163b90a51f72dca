// What a compiled model offers to its user: sizes, state and entry points, read off a module at the kernels stage.
#pragma once

#include "dialect/Ops.h"
#include "lib/runtime/program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace fovea {

/// How the elements of a tensor are known to the runtime, to Halide and to C.
struct ElementKind {
  fovea_dtype dtype;
  int32_t halideCode, bits; // of halide_type_t
  int64_t bytes;
  const char *name;  // f32, i64, ...
  const char *cType; // float, int64_t, ...
};
const ElementKind &elementKind(mlir::Type element);

struct Argument {
  std::string name;
  RankedTensorType type;
  fovea_role role; // FOVEA_INPUT, FOVEA_SCALAR or FOVEA_OUTPUT
};

/// One call of a sequence: an entry point, and for each of its arguments the argument of the sequence that it gets, or
/// nothing, for the number 1.
struct SequenceCall {
  unsigned entry;
  SmallVector<std::optional<unsigned>> arguments;
};

/// A function that users call. It has a body in the module, or is a sequence of others that do.
struct Entry {
  std::string name;
  SmallVector<mlir::StringAttr> sizes; // that it depends on, sorted
  SmallVector<Argument> arguments;     // inputs and scalars, then outputs
  SmallVector<SequenceCall> sequence;
};

struct Interface {
  std::string name; // the prefix of all exported symbols
  SmallVector<mlir::StringAttr> sizes;
  SmallVector<StateOp> state;
  SmallVector<Entry> entries; // those with a body first, in the order of the module

  /// Of the state's names, shapes and element types.
  uint64_t fingerprint() const;
  /// NAME_create and so on: every global symbol of the artefact.
  SmallVector<std::string> exportedSymbols() const;
};

/// The functions that every model has, without its name: create, destroy, ...
ArrayRef<StringRef> commonFunctions();

/// Why `name` cannot prefix the symbols of a model, or an empty text.
std::string whyNoModelName(StringRef name);

/// Emits a diagnostic where the module is not at the kernels stage or goes beyond what the runtime's tables can say.
mlir::FailureOr<Interface> interfaceOf(mlir::ModuleOp module, StringRef name);

/// `expression` over `names` as the runtime's affine row over `sizes`; nullopt where it is not affine.
std::optional<SmallVector<int64_t>> affineRow(AffineExpr expression, ArrayRef<mlir::StringAttr> names,
                                              ArrayRef<mlir::StringAttr> sizes);

/// What interfaceOf demands of every buffer, offset and arena: affine rows, few dimensions, state that has a place.
LogicalResult verifyTables(mlir::ModuleOp module, ArrayRef<mlir::StringAttr> sizes);

} // namespace fovea
