// Sums, products and maxima over axes, and where a maximum is.
include "dialect/Attributes.td"

class Fovea_ReduceOp<string mnemonic, string what, list<Trait> traits = []>
    : Fovea_InferredOp<mnemonic, !listconcat(traits, [Fovea_Anchor, DeclareOpInterfaceMethods<Fovea_Differentiable>])> {
  let summary = what # " over the named axes";
  let description = [{
    `axes` are within the rank and rise (c1); a reduced dimension is dropped, or stays with size 1 if `keep` is set.
    The order of summation is fixed by the schedule.
  }];
  let arguments = (ins Fovea_NumberTensor:$x, DenseI64ArrayAttr:$axes, DefaultValuedAttr<BoolAttr, "false">:$keep);
  let results = (outs Fovea_NumberTensor:$result);
  let assemblyFormat = "$x $axes attr-dict `:` functional-type(operands, results)";
}

def Fovea_SumOp : Fovea_ReduceOp<"sum", "the sum"> { let hasFolder = 1; }
def Fovea_ProdOp : Fovea_ReduceOp<"prod", "the product"> { let hasFolder = 1; }
def Fovea_MaxOp : Fovea_ReduceOp<"max", "the largest element, NaN if there is one; equal largest share the gradient,"> { let hasFolder = 1; }

def Fovea_ArgmaxOp : Fovea_InferredOp<"argmax", [Fovea_Anchor, Fovea_NotDifferentiable]> {
  let summary = "the index of the largest element along an axis";
  let description = [{
    Of equal elements the first; a NaN is larger than all others. `axis` is within the rank (c1); it is dropped, or stays
    with size 1 if `keep` is set.
  }];
  let arguments = (ins Fovea_NumberTensor:$x, I64Attr:$axis, DefaultValuedAttr<BoolAttr, "false">:$keep);
  let results = (outs Fovea_IntegerTensor:$result);
  let assemblyFormat = "$x $axis attr-dict `:` functional-type(operands, results)";
}
