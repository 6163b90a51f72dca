// Windows that slide over axes: what pools, patches and neighbourhoods are made of.
include "dialect/Attributes.td"

defvar windowArguments = (ins DenseI64ArrayAttr:$axes, DenseI64ArrayAttr:$size, DenseI64ArrayAttr:$stride,
                              DenseI64ArrayAttr:$dilation);

def Fovea_UnfoldOp : Fovea_InferredOp<"unfold", [Fovea_Point, Fovea_View,
                                                 DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "every window of a size that slides over axes";
  let description = [{
    With x (n, c, h, w) and axes 2 and 3: y[n, c, p, q, i, j] = x[n, c, i * stride[0] + p * dilation[0],
    j * stride[1] + q * dilation[1]]. The coordinates within a window come before the first of the axes, which then
    count windows. `axes` are within the rank and rise (c1), of constant size (c2); there is a size, a stride and a
    dilation of at least 1 for each (c3); the window fits (c4).
  }];
  let arguments = !con((ins Fovea_Tensor:$x), windowArguments);
  let results = (outs Fovea_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Fovea_FoldOp : Fovea_Op<"fold", [Pure, Fovea_Anchor, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "the sum of windows where they lay";
  let description = [{
    Each element of the result is the sum of the elements of all windows that `unfold` would take from it, which gives
    the windows' shape (c1). Order: the windows' first coordinates rise fastest.
  }];
  let arguments = !con((ins Fovea_NumberTensor:$windows), windowArguments);
  let results = (outs Fovea_NumberTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
