// Cases as one module at the grad stage.
#pragma once

#include "test/ops/Case.h"

#include "mlir/IR/BuiltinOps.h"

namespace fovea::ops {

/// A context with the dialects and every lowering.
std::unique_ptr<mlir::MLIRContext> makeContext();

mlir::Type elementOf(Precision precision, mlir::Builder builder);

/// `case.operand`: the state of a parameter, or the argument of the function. Results are `case.r0`, `case.r1`, ... and
/// the cotangents that weigh them in the loss `case.g0`, `case.g1`, ...
std::string operandName(const Case &of, const Operand &operand);
std::string resultName(const Case &of, size_t index);
std::string cotangentName(const Case &of, size_t index);

/// Operands of this kind are parameters and have gradients.
bool isParameter(const Case &of, const Operand &operand);

/// @model: every case, with its results, and the sum of all results times their cotangents as the loss.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(mlir::MLIRContext *context, llvm::ArrayRef<Case> cases,
                                              Precision precision);

/// To the grad stage, without the optimizer's update.
LogicalResult differentiate(mlir::ModuleOp module);

} // namespace fovea::ops
