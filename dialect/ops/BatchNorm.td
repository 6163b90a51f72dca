// Batch normalization, with the running statistics of training as state.
include "dialect/Attributes.td"

def Fovea_BatchNormOp : Fovea_InferredOp<"batch_norm", [Fovea_Anchor, Fovea_NoGradientRule, SameOperandsElementType,
                                                        DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "channels of zero mean and unit variance, scaled and shifted (Ioffe and Szegedy 2015)";
  let description = [{
    y = (x - mean) / sqrt(variance + epsilon) * scale + bias for each channel, dimension 1 of x; scale and bias are vectors
    of that constant size (c1). What the author writes; the grad stage resolves it: in inference mean and variance are the
    states `running_mean` and `running_variance`; in training they are those of x over all other dimensions (the biased
    variance), and each running value r becomes r + momentum * (value - r), of the unbiased variance. Both states are of
    scale's type and not trained (c2).
  }];
  let arguments = (ins Fovea_FloatTensor:$x, Fovea_FloatTensor:$scale, Fovea_FloatTensor:$bias,
                       FlatSymbolRefAttr:$running_mean, FlatSymbolRefAttr:$running_variance, F64Attr:$epsilon, F64Attr:$momentum);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "$x `,` $scale `,` $bias `running` $running_mean `,` $running_variance attr-dict `:` functional-type(operands, results)";
}
