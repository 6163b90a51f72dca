// Ops that work along the last dimension: softmax, log-sum-exp, running sums, norms, cross-entropy.
include "dialect/Attributes.td"

def Fovea_SoftmaxOp : Fovea_SameTypeOp<"softmax", [Fovea_Anchor, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "e^x over its sum along the last dimension";
  let description = "exp(x - max x) / sum exp(x - max x). The rank is at least 1 (c1). A row of -inf gives NaN.";
  let arguments = (ins Fovea_FloatTensor:$x);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def Fovea_LogSoftmaxOp : Fovea_SameTypeOp<"log_softmax", [Fovea_Anchor, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "the logarithm of softmax along the last dimension";
  let description = "(x - max x) - log sum exp(x - max x). The rank is at least 1 (c1). A row of -inf gives NaN.";
  let arguments = (ins Fovea_FloatTensor:$x);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def Fovea_LogSumExpOp : Fovea_InferredOp<"log_sum_exp", [Fovea_Anchor, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "log of the sum of e^x along the last dimension, which is dropped";
  let description = [{
    max x + log sum exp(x - max x). The rank is at least 1 (c1). A row of -inf gives -inf, with gradient 0; a row with +inf
    gives +inf.
  }];
  let arguments = (ins Fovea_FloatTensor:$x);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

def Fovea_CumsumOp : Fovea_SameTypeOp<"cumsum", [Fovea_Anchor, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "the sum of the elements up to each one along the last dimension";
  let description = [{
    Added one after another from the front, or from the back if `reverse` is set; the element itself counts unless
    `exclusive` is set. The rank is at least 1 and the last size constant (c1).
  }];
  let arguments = (ins Fovea_NumberTensor:$x, DefaultValuedAttr<BoolAttr, "false">:$exclusive,
                       DefaultValuedAttr<BoolAttr, "false">:$reverse);
  let results = (outs Fovea_NumberTensor:$result);
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

def Fovea_RmsNormOp : Fovea_InferredOp<"rms_norm", [Fovea_Anchor, SameOperandsElementType,
                                                    DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "rows over the root of their mean square, scaled (Zhang and Sennrich 2019)";
  let description = [{
    y = x * rstd * scale along the last dimension, with rstd = 1 / sqrt(mean x^2 + epsilon). scale is a vector of that
    dimension's size (c1). rstd is a result, for the gradient.
  }];
  let arguments = (ins Fovea_FloatTensor:$x, Fovea_FloatTensor:$scale, F64Attr:$epsilon);
  let results = (outs Fovea_FloatTensor:$result, Fovea_FloatTensor:$rstd);
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
