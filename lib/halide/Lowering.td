// What an op gives the Halide provider, attached to the dialect's ops by external models in this folder.
#ifndef FOVEA_LOWERING_TD
#define FOVEA_LOWERING_TD

include "mlir/IR/OpBase.td"

def Fovea_PointLowering : OpInterface<"PointLowering"> {
  let cppNamespace = "::fovea";
  let description = "A point op as an expression.";
  let methods = [InterfaceMethod<
      "The result's element at logical coordinates, outermost first. Operands are read with `kernel.load`.",
      "::Halide::Expr", "lowerPoint", (ins "::fovea::KernelLowering &":$kernel, "::llvm::ArrayRef<::Halide::Expr>":$coordinates)>];
}

def Fovea_AnchorLowering : OpInterface<"AnchorLowering"> {
  let cppNamespace = "::fovea";
  let description = "An anchor as Halide stages with their schedule.";
  let methods = [InterfaceMethod<
      "Defines the stages, binds each result with `kernel.bind`, asks for `kernel.output()` and schedules all of it. Emits a diagnostic on failure.",
      "::llvm::LogicalResult", "lowerAnchor", (ins "::fovea::KernelLowering &":$kernel)>];
}

#endif
