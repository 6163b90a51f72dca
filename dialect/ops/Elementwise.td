// Arithmetic and activations, one element at a time, with numpy broadcasting.
include "dialect/Attributes.td"

class Fovea_Binary<string mnemonic, string formula, list<Trait> traits = [],
                   Type tensor = Fovea_NumberTensor>
    : Fovea_InferredOp<mnemonic, !listconcat(traits, [Fovea_Point, Fovea_Elementwise, SameOperandsElementType])> {
  let summary = formula;
  let description = "`" # formula # [{`, element by element. Shapes broadcast as numpy's do, aligned at the last dimension;
    a symbolic size broadcasts only to itself (c1). Element types are equal (c2).}];
  let arguments = (ins tensor:$a, tensor:$b);
  let results = (outs tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

class Fovea_Unary<string mnemonic, string formula, list<Trait> traits = [], Type tensor = Fovea_FloatTensor>
    : Fovea_SameTypeOp<mnemonic, !listconcat(traits, [Fovea_Point, Fovea_Elementwise])> {
  let summary = formula;
  let description = "`" # formula # "`, element by element. A NaN stays a NaN.";
  let arguments = (ins tensor:$x);
  let results = (outs tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

defvar Vjp = [DeclareOpInterfaceMethods<Fovea_Differentiable>];

def Fovea_AddOp : Fovea_Binary<"add", "a + b", Vjp> { let hasFolder = 1; }
def Fovea_SubOp : Fovea_Binary<"sub", "a - b", Vjp> { let hasFolder = 1; }
def Fovea_MulOp : Fovea_Binary<"mul", "a * b", Vjp> { let hasFolder = 1; }
def Fovea_DivOp : Fovea_Binary<"div", "a / b", Vjp, Fovea_FloatTensor> { let hasFolder = 1; }
def Fovea_PowOp : Fovea_Binary<"pow", "a to the power b; the gradient is that of a > 0", Vjp, Fovea_FloatTensor>;
def Fovea_MaximumOp : Fovea_Binary<"maximum", "the larger of a and b, NaN if either is; ties give their gradient to a", Vjp>;
def Fovea_MinimumOp : Fovea_Binary<"minimum", "the smaller of a and b, NaN if either is; ties give their gradient to a", Vjp>;

def Fovea_RemainderOp : Fovea_Binary<"remainder", "a - floor(a / b) * b, exactly: of the sign of b; 0 for the integer b = 0", Vjp>;
def Fovea_FloorDivOp : Fovea_Binary<"floor_div", "floor(a / b); 0 for b = 0", [Fovea_NotDifferentiable], Fovea_IntegerTensor>;

def Fovea_NegOp : Fovea_Unary<"neg", "-x", Vjp, Fovea_NumberTensor>;
def Fovea_AbsOp : Fovea_Unary<"abs", "|x|; the gradient at 0 is 0", Vjp, Fovea_NumberTensor>;
def Fovea_FloorOp : Fovea_Unary<"floor", "the largest whole number that is not above x", [Fovea_NotDifferentiable]>;
def Fovea_RoundOp : Fovea_Unary<"round", "the whole number next to x, the even one of two", [Fovea_NotDifferentiable]>;
def Fovea_ExpOp : Fovea_Unary<"exp", "e to the power x", Vjp>;
def Fovea_LogOp : Fovea_Unary<"log", "natural logarithm of x", Vjp>;
def Fovea_SqrtOp : Fovea_Unary<"sqrt", "square root of x", Vjp>;
def Fovea_SinOp : Fovea_Unary<"sin", "sine of x, in radians", Vjp>;
def Fovea_CosOp : Fovea_Unary<"cos", "cosine of x, in radians", Vjp>;
def Fovea_TanhOp : Fovea_Unary<"tanh", "hyperbolic tangent of x", Vjp>;
def Fovea_ErfOp : Fovea_Unary<"erf", "error function of x", Vjp>;
def Fovea_SigmoidOp : Fovea_Unary<"sigmoid", "1 / (1 + e^-x)", Vjp>;
def Fovea_ReluOp : Fovea_Unary<"relu", "x where x > 0, else 0; the gradient at 0 is 0", Vjp>;
def Fovea_GeluOp : Fovea_Unary<"gelu", "x * (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel 2016)", Vjp>;
def Fovea_GeluSlopeOp : Fovea_Unary<"gelu_slope", "the derivative of gelu: Phi(x) + x phi(x), with the normal distribution's Phi and phi", Vjp>;
def Fovea_GeluTanhOp : Fovea_Unary<"gelu_tanh", "x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel 2016)", Vjp>;
def Fovea_SoftplusOp : Fovea_Unary<"softplus", "log(1 + e^x) (Dugas et al. 2000)", Vjp>;

def Fovea_CompareOp : Fovea_InferredOp<"compare", [Fovea_Point, Fovea_Elementwise, Fovea_NotDifferentiable, SameOperandsElementType]> {
  let summary = "whether a and b stand in the named order";
  let description = [{
    `relation` is `eq`, `ne`, `lt` or `le` (c3); every comparison with NaN is false but `ne`, which is true. Shapes broadcast.
  }];
  let arguments = (ins Fovea_NumberTensor:$a, Fovea_NumberTensor:$b, StrAttr:$relation);
  let results = (outs Fovea_BoolTensor:$result);
  let assemblyFormat = "$relation operands attr-dict `:` functional-type(operands, results)";
}

def Fovea_SelectOp : Fovea_InferredOp<"select", [Fovea_Point, Fovea_Elementwise, DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "a where the condition holds, else b";
  let description = "Shapes of all three broadcast (c1); a and b have one element type (c2).";
  let arguments = (ins Fovea_BoolTensor:$condition, Fovea_Tensor:$a, Fovea_Tensor:$b);
  let results = (outs Fovea_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Fovea_CastOp : Fovea_Op<"cast", [Pure, Fovea_Point, Fovea_Elementwise, SameOperandsAndResultShape,
                                     DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "x in another element type";
  let description = [{
    Float to integer truncates toward zero, and a narrower integer wraps around; to i1, what is not zero is true; i1 gives 0
    or 1. To a narrower float, the nearest, ties to even. The shape stays (c1).
  }];
  let arguments = (ins Fovea_Tensor:$x);
  let results = (outs Fovea_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Fovea_ConstantOp : Fovea_Op<"constant", [Pure, ConstantLike, Fovea_Point, Fovea_NotDifferentiable,
                                             AllTypesMatch<["value", "result"]>]> {
  let summary = "values known when compiling";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Fovea_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def Fovea_SizeOp : Fovea_Op<"size", [Pure, Fovea_Point, Fovea_NotDifferentiable]> {
  let summary = "the value of one size expression, as a tensor of rank 0";
  let description = "`dims` holds one expression (c1). It is how a mean over a symbolic batch divides.";
  let arguments = (ins Fovea_DimsAttr:$dims);
  let results = (outs Fovea_NumberTensor:$result);
  let assemblyFormat = "$dims attr-dict `:` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}
