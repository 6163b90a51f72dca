// Sums and maxima over axes.
include "dialect/Attributes.td"

class Fovea_ReduceOp<string mnemonic, string what, list<Trait> traits = []>
    : Fovea_InferredOp<mnemonic, !listconcat(traits, [Fovea_Anchor, DeclareOpInterfaceMethods<Fovea_Differentiable>])> {
  let summary = what # " over the named axes";
  let description = [{
    `axes` are within the rank and rise (c1); a reduced dimension is dropped, or stays with size 1 if `keep` is set.
    The order of summation is fixed by the schedule.
  }];
  let arguments = (ins Fovea_FloatTensor:$x, DenseI64ArrayAttr:$axes, DefaultValuedAttr<BoolAttr, "false">:$keep);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = "$x $axes attr-dict `:` functional-type(operands, results)";
}

def Fovea_SumOp : Fovea_ReduceOp<"sum", "the sum"> { let hasFolder = 1; }
def Fovea_MaxOp : Fovea_ReduceOp<"max", "the largest element, NaN if there is one; equal largest share the gradient,">;
