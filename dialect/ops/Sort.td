// The order of elements.
include "dialect/Attributes.td"

def Fovea_SortOp : Fovea_InferredOp<"sort", [Fovea_Anchor, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "the elements along the last dimension in order, and where each was";
  let description = [{
    Rising, or falling if `descending` is set; equal elements keep their order, and NaN counts as the largest. x has rank
    1 or more and a constant last size (c1). The time is that of comparing every pair.
  }];
  let arguments = (ins Fovea_NumberTensor:$x, DefaultValuedAttr<BoolAttr, "false">:$descending);
  let results = (outs Fovea_NumberTensor:$result, Fovea_IntegerTensor:$indices);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}
