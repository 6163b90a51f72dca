// Matrix products and convolutions.
include "dialect/Attributes.td"

def Fovea_MatmulOp : Fovea_InferredOp<"matmul", [Fovea_Anchor, SameOperandsElementType,
                                                 DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "sum over k of a[.., m, k] * b[.., k, n]";
  let description = [{
    With `transpose_a`, a is [.., k, m]; with `transpose_b`, b is [.., n, k]. Both have rank 2 or more (c1); the sizes
    along k are equal (c2); leading dimensions broadcast (c3).
  }];
  let arguments = (ins Fovea_FloatTensor:$a, Fovea_FloatTensor:$b, DefaultValuedAttr<BoolAttr, "false">:$transpose_a,
                       DefaultValuedAttr<BoolAttr, "false">:$transpose_b);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Fovea_Conv2dOp : Fovea_InferredOp<"conv2d", [Fovea_Anchor, SameOperandsElementType,
                                                 DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "2-D cross-correlation of x (n, c, h, w) with weight (o, c, kh, kw)";
  let description = [{
    y[n, o, i, j] = sum over c, p, q of x[n, c, i * stride[0] + p - padding[0], j * stride[1] + q - padding[1]]
    * weight[o, c, p, q], with zeros outside x. Both have rank 4 (c1), equal channels (c2) and constant spatial sizes (c3);
    strides are at least 1 and paddings not negative (c4); the kernel fits into the padded image (c5).
  }];
  let arguments = (ins Fovea_FloatTensor:$x, Fovea_FloatTensor:$weight, DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$padding);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

class Fovea_Conv2dGradOp<string mnemonic, string what> : Fovea_Op<mnemonic, [Pure, Fovea_Anchor, Fovea_NoGradientRule]> {
  let summary = "the gradient of conv2d for its " # what;
  let hasVerifier = 1;
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}
def Fovea_Conv2dInputGradOp : Fovea_Conv2dGradOp<"conv2d_input_grad", "input"> {
  let description = [{dx[n, c, y, x] = the sum over all o, p, q that reach it of g[n, o, i, j] * weight[o, c, p, q]. g is
    as conv2d's result (c1).}];
  let arguments = (ins Fovea_FloatTensor:$cotangent, Fovea_FloatTensor:$weight, DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$padding);
}
def Fovea_Conv2dWeightGradOp : Fovea_Conv2dGradOp<"conv2d_weight_grad", "weight"> {
  let description = [{dw[o, c, p, q] = sum over n, i, j of g[n, o, i, j] * x[n, c, i * stride + p - padding, ...].
    g is as conv2d's result (c1).}];
  let arguments = (ins Fovea_FloatTensor:$cotangent, Fovea_FloatTensor:$x, DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$padding);
}
