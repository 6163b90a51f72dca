// Kernels, their launches, and the buffers they run on.
include "dialect/Attributes.td"
include "mlir/Interfaces/FunctionInterfaces.td"

def Fovea_KernelOp : Fovea_Op<"kernel", [IsolatedFromAbove, FunctionOpInterface, Fovea_Structural]> {
  let summary = "an anchor and its fused neighbours: one native function";
  let description = [{
    A function of fovea ops with at most one anchor (c1), ended by fovea.yield of the declared results (c2). An argument or
    result attribute `fovea.strides` gives its layout, in elements, one stride for each dimension (c4); `fovea.in_place = n` on a result makes it share
    the buffer of argument n, which has its type and layout (c3). `schedule` says how it runs.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type, OptionalAttr<Fovea_ScheduleAttr>:$schedule,
                       OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The text without name and locations: kernels with equal texts compute the same.
    ::std::string text();
    /// The one anchor, or null.
    ::mlir::Operation *getAnchor();
    /// The argument whose buffer result `index` shares, or -1.
    int64_t inPlace(unsigned index);
    /// The layouts, row-major where none is given.
    ::fovea::DimsAttr argumentStrides(unsigned index);
    ::fovea::DimsAttr resultStrides(unsigned index);
  }];
}

def Fovea_YieldOp : Fovea_Op<"yield", [Pure, Terminator, Fovea_Structural]> {
  let summary = "ends a kernel, or a score or mask region, with its results";
  let arguments = (ins Variadic<Fovea_Tensor>:$values);
  let assemblyFormat = "($values^)? attr-dict (`:` type($values)^)?";
}

def Fovea_LaunchOp : Fovea_Op<"launch", [Fovea_Structural, AttrSizedOperandSegments,
                                         DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel";
  let description = [{
    Over tensors it has results and no `into`; over buffers it writes `into` and has none (c1). The types are the
    kernel's (c2).
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$inputs, Variadic<Fovea_BufferType>:$into);
  let results = (outs Variadic<Fovea_Tensor>:$results);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` (`into` `(` $into^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def Fovea_ArenaOp : Fovea_Op<"arena", [Pure, Fovea_Structural]> {
  let summary = "a buffer at a byte offset of the arena, where values live within one call";
  let description = "`offset` holds one expression (c1).";
  let arguments = (ins Fovea_DimsAttr:$offset);
  let results = (outs Fovea_BufferType:$result);
  let assemblyFormat = "$offset attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Fovea_StateBufferOp : Fovea_Op<"state_buffer", [Pure, Fovea_Structural, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the buffer of a state tensor";
  let description = "The symbol names a fovea.state of the buffer's tensor type (c1).";
  let arguments = (ins FlatSymbolRefAttr:$state);
  let results = (outs Fovea_BufferType:$result);
  let assemblyFormat = "$state attr-dict `:` type($result)";
}

def Fovea_SubviewOp : Fovea_Op<"subview", [Pure, Fovea_Structural]> {
  let summary = "other extents and strides over the same storage, from an offset in elements";
  let description = "`offset` holds one expression (c1).";
  let arguments = (ins Fovea_BufferType:$buffer, Fovea_DimsAttr:$offset);
  let results = (outs Fovea_BufferType:$result);
  let assemblyFormat = "$buffer $offset attr-dict `:` type($buffer) `to` type($result)";
  let hasVerifier = 1;
}
