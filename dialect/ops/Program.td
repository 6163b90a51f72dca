// A program's state: parameters, gradients, optimizer state, counters.
include "dialect/Attributes.td"

def Fovea_StateOp : Fovea_Op<"state", [Symbol, Fovea_Structural]> {
  let summary = "a tensor that outlives calls";
  let description = [{
    `role` is parameter, gradient, optimizer, seed or counter (c1). `initializer` is constant (a), normal or
    truncated_normal (mean a, deviation b) or uniform in [a, b) (c2). Shapes are constant (c3). A parameter is trained
    unless `frozen`; weight decay reaches it only if `decay`; `rate` multiplies the learning rate. Kernel stages add its
    byte `offset` in the state region and, where it is kept packed, its `panels` (c4); fovea.load and fovea.store then
    see the packed type.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$role, TypeAttrOf<Fovea_Tensor>:$type,
                       DefaultValuedAttr<StrAttr, "\"constant\"">:$initializer, DefaultValuedAttr<F64Attr, "0.0">:$a,
                       DefaultValuedAttr<F64Attr, "0.0">:$b, UnitAttr:$frozen, UnitAttr:$decay,
                       DefaultValuedAttr<F64Attr, "1.0">:$rate, OptionalAttr<I64Attr>:$offset,
                       OptionalAttr<Fovea_PanelsAttr>:$panels);
  let assemblyFormat = "$role $sym_name `:` $type attr-dict";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::llvm::StringRef":$role, "::mlir::RankedTensorType":$type), [{
    $_state.getOrAddProperties<Properties>().sym_name = $_builder.getStringAttr(name);
    $_state.getOrAddProperties<Properties>().role = $_builder.getStringAttr(role);
    $_state.getOrAddProperties<Properties>().type = ::mlir::TypeAttr::get(type);
  }]>];
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensor() { return ::mlir::cast<::mlir::RankedTensorType>(getType()); }
    /// The type as it lies in memory: packed where there are panels.
    ::mlir::RankedTensorType getStorage();
  }];
}

def Fovea_LoadOp : Fovea_Op<"load", [Pure, Fovea_Structural, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a state tensor's value at the start of the call";
  let description = "The symbol names a fovea.state of the result's type, packed where the state is (c1).";
  let arguments = (ins FlatSymbolRefAttr:$state);
  let results = (outs Fovea_Tensor:$result);
  let assemblyFormat = "$state attr-dict `:` type($result)";
}

def Fovea_StoreOp : Fovea_Op<"store", [Fovea_Structural, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "sets a state tensor's value for the calls that follow";
  let description = "The symbol names a fovea.state of the value's type, packed where the state is (c1), stored at most once in a function (c2).";
  let arguments = (ins Fovea_Tensor:$value, FlatSymbolRefAttr:$state);
  let assemblyFormat = "$value `,` $state attr-dict `:` type($value)";
}

def Fovea_CustomVjpOp : Fovea_Op<"custom_vjp", [Pure, Fovea_Structural, AttrSizedOperandSegments, IsolatedFromAbove,
                                                DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "values with a gradient rule of the author's, in place of that of the ops that made them";
  let description = [{
    The results are the `values`, which were computed from the `inputs`. The gradient goes to the inputs: `rule` takes the inputs,
    the values and the cotangents of the results, and yields the cotangents of the inputs, of their types (c1). The grad stage
    puts the values in place of the results.
  }];
  let arguments = (ins Variadic<Fovea_Tensor>:$inputs, Variadic<Fovea_FloatTensor>:$values);
  let regions = (region SizedRegion<1>:$rule);
  let results = (outs Variadic<Fovea_FloatTensor>:$results);
  let assemblyFormat = "`(` $inputs `)` `gives` $values $rule attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}
