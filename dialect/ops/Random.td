// Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011). A draw depends on seed, counter, op and index only, so
// the backward pass recomputes it.
include "dialect/Attributes.td"

def Fovea_RandomKeysOp : Fovea_Op<"random_keys", [Pure, Fovea_Point, Fovea_NotDifferentiable]> {
  let summary = "a key of two i32 for each random op of a program";
  let description = [{
    result (n, 2): row i is the first two words of Philox with the seed as key and (counter, i) as counter. seed and counter
    are i64 of rank 0 (c1).
  }];
  let arguments = (ins Fovea_IntegerTensor:$seed, Fovea_IntegerTensor:$counter);
  let results = (outs Fovea_IntegerTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Fovea_RandomUniformOp : Fovea_Op<"random_uniform", [Pure, Fovea_Point, Fovea_NotDifferentiable]> {
  let summary = "numbers uniform in [0, 1), of 24 random bits each";
  let description = [{
    Element i in row-major order is the top 24 bits of the first word of Philox under the key, with counter (i, 0, 0, 0).
    The key is two i32 (c1).
  }];
  let arguments = (ins Fovea_IntegerTensor:$key);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Fovea_DropoutOp : Fovea_SameTypeOp<"dropout", [Fovea_Point, Fovea_NoGradientRule]> {
  let summary = "x / (1 - rate), or 0 with probability rate (Srivastava et al. 2014)";
  let description = [{
    What the author writes; the grad stage gives it a key in training (select on random_uniform) and removes it in
    inference. The rate is in [0, 1) (c1).
  }];
  let arguments = (ins Fovea_FloatTensor:$x, F64Attr:$rate);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasVerifier = 1;
}
