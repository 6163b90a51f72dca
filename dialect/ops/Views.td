// Ops that only move elements.
include "dialect/Attributes.td"

class Fovea_ViewOp<string mnemonic, list<Trait> traits = []>
    : Fovea_Op<mnemonic, !listconcat(traits, [Pure, Fovea_Point, Fovea_View,
                                              DeclareOpInterfaceMethods<Fovea_Differentiable>])> {
  let results = (outs Fovea_Tensor:$result);
}

def Fovea_BroadcastOp : Fovea_ViewOp<"broadcast"> {
  let summary = "x repeated to a larger shape";
  let description = "Aligned at the last dimension; a size of 1, or a missing one, becomes any size; others stay (c1).";
  let arguments = (ins Fovea_Tensor:$x);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Fovea_ReshapeOp : Fovea_ViewOp<"reshape"> {
  let summary = "the same elements in row-major order under another shape";
  let description = "The number of elements stays, as an expression (c1), and so does their type (c2).";
  let arguments = (ins Fovea_Tensor:$x);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Fovea_TransposeOp : Fovea_ViewOp<"transpose", [InferTypeOpAdaptor]> {
  let summary = "dimensions in another order";
  let description = "Dimension d of the result is dimension `permutation[d]` of x; `permutation` names each once (c1).";
  let arguments = (ins Fovea_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let assemblyFormat = "$x $permutation attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Fovea_SliceOp : Fovea_ViewOp<"slice", [InferTypeOpAdaptor]> {
  let summary = "every step-th element along one axis";
  let description = [{
    Element i along `axis` is element `start + i * step` of x, for i below `size`. The axis is within the rank (c1) and
    of constant size; the last element taken lies within x (c2); the step is at least 1 and the size not negative (c3).
  }];
  let arguments = (ins Fovea_Tensor:$x, I64Attr:$axis, I64Attr:$start, I64Attr:$size, DefaultValuedAttr<I64Attr, "1">:$step);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Fovea_PadOp : Fovea_ViewOp<"pad", [InferTypeOpAdaptor]> {
  let summary = "a value around and between the elements along one axis";
  let description = [{
    The result has `low + (n - 1) * step + 1 + high` elements along `axis`, of which x gives those at `low + i * step`.
    The others are `value`, rounded to their type. The axis is within the rank (c1) and of constant size; low and high are
    not negative, step at least 1, and none huge (c2).
  }];
  let arguments = (ins Fovea_Tensor:$x, I64Attr:$axis, I64Attr:$low, I64Attr:$high, DefaultValuedAttr<I64Attr, "1">:$step,
                       DefaultValuedAttr<F64Attr, "0.0">:$value);
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "int64_t":$axis, "int64_t":$low, "int64_t":$high, "int64_t":$step), [{
    build($_builder, $_state, x, axis, low, high, step, ::llvm::APFloat(0.0));
  }]>];
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

def Fovea_ConcatOp : Fovea_ViewOp<"concat", [InferTypeOpAdaptor]> {
  let summary = "tensors one after another along an axis";
  let description = [{
    The axis is within the rank (c1) and of constant size in all; all have one element type and rank (c2) and, but for the
    axis, equal sizes (c3).
  }];
  let arguments = (ins Variadic<Fovea_Tensor>:$inputs, I64Attr:$axis);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Fovea_PackOp : Fovea_ViewOp<"pack", [InferTypeOpAdaptor]> {
  let summary = "a tensor in panels";
  let description = "The packed form that #fovea.panels describes, of an axis of constant size (c1).";
  let arguments = (ins Fovea_Tensor:$x, Fovea_PanelsAttr:$panels);
  let assemblyFormat = "$x $panels attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Fovea_UnpackOp : Fovea_ViewOp<"unpack"> {
  let summary = "the tensor that was packed";
  let description = "Packing the result gives a tensor of x's type (c1).";
  let arguments = (ins Fovea_Tensor:$x, Fovea_PanelsAttr:$panels);
  let assemblyFormat = "$x $panels attr-dict `:` type($x) `to` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}
