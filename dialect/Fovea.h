// The fovea dialect's C++ face: dialect class, traits, attributes, and the type predicates that ODS uses.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringMap.h"

#include "dialect/Fovea.h.inc"

namespace fovea {
/// The normal form of a #fovea.dims: the names it uses, sorted, and its simplified sizes over them.
llvm::SmallVector<mlir::StringAttr> normalDims(mlir::MLIRContext *context, llvm::ArrayRef<mlir::StringAttr> names,
                                               llvm::ArrayRef<mlir::AffineExpr> sizes, mlir::AffineMap &map);
} // namespace fovea

#define GET_ATTRDEF_CLASSES
#include "dialect/Attributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/Types.h.inc"

namespace fovea {

using llvm::ArrayRef;
using llvm::LogicalResult;
using llvm::SmallVector;
using llvm::StringRef;
using mlir::AffineExpr;
using mlir::RankedTensorType;
using mlir::Value;
using mlir::ValueRange;

#define FOVEA_TRAIT(NAME)                                                                                              \
  template <typename Op> class NAME : public mlir::OpTrait::TraitBase<Op, NAME> {}
FOVEA_TRAIT(Point);
FOVEA_TRAIT(Elementwise);
FOVEA_TRAIT(View);
FOVEA_TRAIT(Anchor);
FOVEA_TRAIT(Structural);
FOVEA_TRAIT(NotDifferentiable);
FOVEA_TRAIT(NoGradientRule);
#undef FOVEA_TRAIT

/// The constant sizes of a tensor have a product of at most this, so that nothing computed with them overflows.
constexpr int64_t maxElements = int64_t(1) << 48;

bool isTensor(mlir::Type type);
bool isFloat(mlir::Type element);
/// f16 or bf16: stored only, and computed with in f32.
bool isLowPrecision(mlir::Type element);
bool isInteger(mlir::Type element);
bool isNumber(mlir::Type element);
/// i8 or ui8: stored, moved and cast, not computed with.
bool isByte(mlir::Type element);
bool isBool(mlir::Type element);

} // namespace fovea

#include "dialect/Interfaces.h.inc"
