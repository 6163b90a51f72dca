// The fovea dialect: its traits, attributes, types and op base classes. Each family in ops/ includes this file.
#ifndef FOVEA_TD
#define FOVEA_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Fovea_Dialect : Dialect {
  let name = "fovea";
  let cppNamespace = "::fovea";
  let summary = "Attention models: programs over logical tensors, then kernels over planned buffers.";
  let description = [{
    A program is a module of `func.func` entry points over logical, row-major tensors and of `fovea.parameter`
    symbols. A dynamic dimension carries its size as an expression over named symbols in the tensor's encoding,
    `#fovea.dims`. Later stages cut functions into `fovea.kernel` regions, launched over buffers with fixed places.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    /// Registers the ops of one family. addOperations is protected; families register themselves.
    template <typename... Ops> void addFamily() { addOperations<Ops...>(); }
  private:
    void registerAttributes();
    void registerTypes();
  public:
  }];
}

//===-- Types -----------------------------------------------------------------------------------------------------===//

/// A ranked tensor in which every `?` has its expression. Sizes that are numbers may be 0, symbols not.
defvar tensorRule = "tensor of up to 2^48 elements, each ? with its #fovea.dims";
def Fovea_Tensor : Type<CPred<"::fovea::isTensor($_self)">,
                        !strconcat("f16, bf16, f32, f64, i8, ui8, i32, i64 or i1 ", tensorRule),
                        "::mlir::RankedTensorType">;
class Fovea_TensorOf<string predicate, string what>
    : Type<And<[Fovea_Tensor.predicate, CPred<predicate # "(::mlir::getElementTypeOrSelf($_self))">]>,
           !strconcat(what, " ", tensorRule), "::mlir::RankedTensorType">;
def Fovea_FloatTensor : Fovea_TensorOf<"::fovea::isFloat", "f16, bf16, f32 or f64">;
def Fovea_IntegerTensor : Fovea_TensorOf<"::fovea::isInteger", "i32 or i64">;
def Fovea_NumberTensor : Fovea_TensorOf<"::fovea::isNumber", "f16, bf16, f32, f64, i32 or i64">;
def Fovea_BoolTensor : Fovea_TensorOf<"::fovea::isBool", "i1">;

//===-- Traits: what an op is to the kernel cutter and the lowerings ----------------------------------------------===//

/// Each result element is an expression of operand elements at coordinates computed from its own.
def Fovea_Point : NativeOpTrait<"Point"> { let cppNamespace = "::fovea"; }
/// A point op that reads its operands at the result's own coordinates, where these broadcast, and depends on no coordinate.
def Fovea_Elementwise : NativeOpTrait<"Elementwise"> { let cppNamespace = "::fovea"; }
/// A point op that only moves elements.
def Fovea_View : NativeOpTrait<"View"> { let cppNamespace = "::fovea"; }
/// A kernel is built around at most one anchor.
def Fovea_Anchor : NativeOpTrait<"Anchor"> { let cppNamespace = "::fovea"; }
/// Parameters, kernels, launches, yields: no value of their own.
def Fovea_Structural : NativeOpTrait<"Structural"> { let cppNamespace = "::fovea"; }
/// No gradient passes through this op: its results are piecewise constant, or integers.
def Fovea_NotDifferentiable : NativeOpTrait<"NotDifferentiable"> { let cppNamespace = "::fovea"; }
/// Has no gradient rule although its results depend smoothly on its operands: itself a gradient, or replaced before grad.
def Fovea_NoGradientRule : NativeOpTrait<"NoGradientRule"> { let cppNamespace = "::fovea"; }

include "dialect/Interfaces.td"

//===-- Op classes ------------------------------------------------------------------------------------------------===//

class Fovea_Op<string mnemonic, list<Trait> traits = []> : Op<Fovea_Dialect, mnemonic, traits>;

/// An op without side effects whose results have its operands' type.
class Fovea_SameTypeOp<string mnemonic, list<Trait> traits = []>
    : Fovea_Op<mnemonic, !listconcat(traits, [Pure, SameOperandsAndResultType])>;

/// An op without side effects whose result types follow from its operands and attributes.
class Fovea_InferredOp<string mnemonic, list<Trait> traits = []>
    : Fovea_Op<mnemonic, !listconcat(traits, [Pure, InferTypeOpAdaptor])>;

//===-- Attributes ------------------------------------------------------------------------------------------------===//

class Fovea_Attr<string name, string mnemonic_, list<Trait> traits = []> : AttrDef<Fovea_Dialect, name, traits> {
  let mnemonic = mnemonic_;
}

#endif
