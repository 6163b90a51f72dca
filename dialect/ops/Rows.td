// Ops that work along the last dimension: softmax, layer norm, cross-entropy.
include "dialect/Attributes.td"

def Fovea_SoftmaxOp : Fovea_SameTypeOp<"softmax", [Fovea_Anchor, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "e^x over its sum along the last dimension";
  let description = "exp(x - max x) / sum exp(x - max x). The rank is at least 1 (c1). A row of -inf gives NaN.";
  let arguments = (ins Fovea_FloatTensor:$x);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def Fovea_LayerNormOp : Fovea_InferredOp<"layer_norm", [Fovea_Anchor, SameOperandsElementType,
                                                        DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "rows of zero mean and unit variance, scaled and shifted (Ba et al. 2016)";
  let description = [{
    y = (x - mean) * rstd * scale + bias along the last dimension, with rstd = 1 / sqrt(variance + epsilon) and the biased
    variance. scale and bias are vectors of that dimension's size (c1). mean and rstd are results, for the gradient.
  }];
  let arguments = (ins Fovea_FloatTensor:$x, Fovea_FloatTensor:$scale, Fovea_FloatTensor:$bias, F64Attr:$epsilon);
  let results = (outs Fovea_FloatTensor:$result, Fovea_FloatTensor:$mean, Fovea_FloatTensor:$rstd);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Fovea_CrossEntropyOp : Fovea_InferredOp<"cross_entropy", [Fovea_Anchor, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "-log softmax(logits)[label], for each row";
  let description = [{
    logits are (rows, classes), labels integers (rows) (c1). loss = log_sum_exp - logits[label]; a label outside
    [0, classes) gives NaN. log_sum_exp is a result, for the gradient.
  }];
  let arguments = (ins Fovea_FloatTensor:$logits, Fovea_IntegerTensor:$labels);
  let results = (outs Fovea_FloatTensor:$loss, Fovea_FloatTensor:$log_sum_exp);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}
