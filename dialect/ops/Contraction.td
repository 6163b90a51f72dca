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

class Fovea_Convolution<string mnemonic, list<Trait> traits> : Fovea_Op<mnemonic, !listconcat(traits, [Pure, Fovea_Anchor])> {
  dag window = (ins DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$padding,
                    DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilation, DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Fovea_Conv2dOp : Fovea_Convolution<"conv2d", [InferTypeOpAdaptor, SameOperandsElementType,
                                                  DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "2-D cross-correlation of x (n, c, h, w) with weight (o, c / groups, kh, kw)";
  let description = [{
    y[n, o, i, j] = sum over c, p, q of x[n, c, i * stride[0] + p * dilation[0] - padding[0],
    j * stride[1] + q * dilation[1] - padding[1]] * weight[o, c, p, q], with zeros outside x. With `groups`, the o of each
    of so many runs read the c of the run at the same place. Both have rank 4 (c1), channels as told (c2) and constant
    spatial sizes (c3); strides and dilations are at least 1 and paddings not negative (c4); the kernel has elements and fits
    into the padded image (c5).
  }];
  let arguments = !con((ins Fovea_FloatTensor:$x, Fovea_FloatTensor:$weight), window);
}

def Fovea_Conv2dInputGradOp : Fovea_Convolution<"conv2d_input_grad", [DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "the gradient of conv2d for its input, which is also the transposed convolution";
  let description = [{
    dx[n, c, y, x] = the sum over all o, p, q that reach it of g[n, o, i, j] * weight[o, c, p, q]. g is as conv2d's result
    (c1).
  }];
  let arguments = !con((ins Fovea_FloatTensor:$cotangent, Fovea_FloatTensor:$weight), window);
  let hasVerifier = 1;
}

def Fovea_Conv2dWeightGradOp : Fovea_Convolution<"conv2d_weight_grad", [Fovea_NoGradientRule]> {
  let summary = "the gradient of conv2d for its weight";
  let description = [{
    dw[o, c, p, q] = sum over n, i, j of g[n, o, i, j] * x[n, c, i * stride + p * dilation - padding, ...]. g is as
    conv2d's result (c1).
  }];
  let arguments = !con((ins Fovea_FloatTensor:$cotangent, Fovea_FloatTensor:$x), window);
  let hasVerifier = 1;
}
