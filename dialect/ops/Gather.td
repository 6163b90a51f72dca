// Lookups by integer index.
include "dialect/Attributes.td"

def Fovea_EmbeddingOp : Fovea_InferredOp<"embedding", [Fovea_Point, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "the rows of a table at integer indices";
  let description = "result[.., c] = table[indices[..], c]; the table has rank 2 (c1). An index outside the table gives NaN.";
  let arguments = (ins Fovea_FloatTensor:$table, Fovea_IntegerTensor:$indices);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Fovea_EmbeddingGradOp : Fovea_Op<"embedding_grad", [Pure, Fovea_Anchor, Fovea_NoGradientRule]> {
  let summary = "rows of the cotangent added up by index, in the order of the indices";
  let description = "result[r, c] = the sum of cotangent[i, c] over all i with indices[i] = r; indices have rank 1 (c1). Others are dropped.";
  let arguments = (ins Fovea_FloatTensor:$cotangent, Fovea_IntegerTensor:$indices);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
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
