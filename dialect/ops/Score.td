// What score and mask functions of attention read and write of the tensors they capture.
include "dialect/Attributes.td"

defvar ScoreIndices = [{
    One index, a tensor of rank 0, for each dimension of the capture, which has elements (c1); an index outside is brought
    to the nearest element.}];

def Fovea_ScoreLoadOp : Fovea_Op<"score_load", [Pure, Fovea_Structural]> {
  let summary = "an element of a captured tensor, inside a score or mask region";
  let description = ScoreIndices # " An f16 or bf16 element is read as f32, others as they are (c2).";
  let arguments = (ins Fovea_Tensor:$capture, Variadic<Fovea_IntegerTensor>:$indices);
  let results = (outs Fovea_Tensor:$result);
  let assemblyFormat = "$capture `[` $indices `]` attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Fovea_ScoreAddOp : Fovea_Op<"score_add", [Fovea_Structural, MemoryEffects<[MemWrite]>]> {
  let summary = "adds to an element of the gradient of a captured tensor, inside a gradient region";
  let description = ScoreIndices # " The value is of the type that score_load reads (c2).";
  let arguments = (ins Fovea_Tensor:$value, Fovea_Tensor:$capture, Variadic<Fovea_IntegerTensor>:$indices);
  let assemblyFormat = "$value `to` $capture `[` $indices `]` attr-dict `:` type(operands)";
  let hasVerifier = 1;
}
