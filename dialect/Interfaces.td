// The interfaces that the stages after the dialect rely on.
#ifndef FOVEA_INTERFACES_TD
#define FOVEA_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Fovea_Differentiable : OpInterface<"Differentiable"> {
  let cppNamespace = "::fovea";
  let description = [{
    An op with a gradient rule. `vjp` builds the vector-Jacobian product from fovea ops: for every operand whose
    `needed` is set, the cotangent of that operand, given those of the results (a null cotangent is zero).
    A returned null value is a zero gradient, and an empty list says that the op, as it is, has no gradient. A
    cotangent may have the shape an operand was broadcast to: the grad stage sums it back, and adds up the cotangents of
    a value with several users.
  }];
  let methods = [InterfaceMethod<
      "The cotangents of the operands, one for each, null where zero or not needed.",
      "::llvm::SmallVector<::mlir::Value>", "vjp",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$cotangents, "::llvm::ArrayRef<bool>":$needed)>,
    InterfaceMethod<"What an author can do where this op, as it is, has no gradient.", "::llvm::StringRef",
      "withoutGradient", (ins), "", [{ return "freeze them, or use another op"; }]>];
}

#endif
