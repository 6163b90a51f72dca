// Lookups by integer index, and what goes back by index.
include "dialect/Attributes.td"

def Fovea_GatherOp : Fovea_InferredOp<"gather", [Fovea_Point, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "elements of x at integer indices for consecutive axes";
  let description = [{
    With n index tensors, which stand for x's axes `axis` to `axis + n - 1`, b = `batch` leading dimensions in common and
    i.. the others of the indices: result[b.., p.., i.., r..] = x[b.., p.., indices0[b.., i..], .., r..]. Axes and batch
    lie within x's rank, batch first (c1); the indices have one shape, which begins with x's batch (c2). An index outside
    x gives NaN, or 0 of integers and booleans, and of floats with `zero_outside`.
  }];
  let arguments = (ins Fovea_Tensor:$x, Variadic<Fovea_IntegerTensor>:$indices, I64Attr:$axis,
                       DefaultValuedAttr<I64Attr, "0">:$batch, UnitAttr:$zero_outside);
  let results = (outs Fovea_Tensor:$result);
  let assemblyFormat = "$x `[` $indices `]` attr-dict `:` functional-type(operands, results)";
}

def Fovea_ScatterOp : Fovea_Op<"scatter", [Pure, Fovea_Anchor,
                                          DeclareOpInterfaceMethods<Fovea_Differentiable, ["withoutGradient"]>]> {
  let summary = "x with updates at integer indices";
  let description = [{
    The elements that `gather` would take are combined with those of `updates`, one after another in row-major order of
    the indices, by `reduction`: `assign` (the last one stays), `add`, `multiply`, `maximum` or `minimum` (c1). Updates
    are of gather's type (c2), the result of x's (c3). Updates outside x are dropped. Only assign and add have a gradient,
    and that of assign takes the indices to differ.
  }];
  let arguments = (ins Fovea_Tensor:$x, Variadic<Fovea_IntegerTensor>:$indices, Fovea_Tensor:$updates, I64Attr:$axis,
                       DefaultValuedAttr<I64Attr, "0">:$batch, StrAttr:$reduction);
  let results = (outs Fovea_Tensor:$result);
  let assemblyFormat = [{
    $x `[` $indices `]` $reduction $updates attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Fovea_OneHotOp : Fovea_Op<"one_hot", [Pure, Fovea_Point, Fovea_NotDifferentiable]> {
  let summary = "1 where the last coordinate equals the index, else 0";
  let description = "The result has the indices' shape and one more, last dimension (c1).";
  let arguments = (ins Fovea_IntegerTensor:$indices);
  let results = (outs Fovea_NumberTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
