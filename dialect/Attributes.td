// Attributes and types that carry data between stages: dimension expressions, buffers, schedules, training specs.
#ifndef FOVEA_ATTRIBUTES_TD
#define FOVEA_ATTRIBUTES_TD

include "dialect/Fovea.td"
include "mlir/IR/TensorEncoding.td"

def Fovea_DimsAttr : Fovea_Attr<"Dims", "dims", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "sizes, as expressions over named symbols";
  let description = [{
    `#fovea.dims<[batch] -> (batch * 197, 192)>`: one expression per dimension, over symbols that stand for sizes given
    at run time (each at least 1). Always in normal form: expressions simplified, names sorted, unused names dropped,
    so that equal sizes are equal attributes. As the encoding of a tensor type it gives every `?` its size; as the
    layout of a buffer it gives strides; alone it gives an offset.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names, "::mlir::AffineMap":$map);
  let hasCustomAssemblyFormat = 1;
  let skipDefaultBuilders = 1;
  let builders = [AttrBuilder<(ins "::llvm::ArrayRef<::mlir::StringAttr>":$names,
                                   "::llvm::ArrayRef<::mlir::AffineExpr>":$sizes), [{
    ::mlir::AffineMap map;
    ::llvm::SmallVector<::mlir::StringAttr> used = ::fovea::normalDims($_ctxt, names, sizes, map);
    return $_get($_ctxt, ::llvm::ArrayRef<::mlir::StringAttr>(used), map);
  }]>];
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::AffineExpr> getSizes() const { return getMap().getResults(); }
    /// The sizes with a value for each symbol. Every symbol must be in `values`.
    ::llvm::SmallVector<int64_t> evaluate(const ::llvm::StringMap<int64_t> &values) const;
  }];
}

def Fovea_ScheduleAttr : Fovea_Attr<"Schedule", "schedule"> {
  let summary = "how a kernel's loops are tiled, vectorised and shared among threads";
  let description = [{
    `#fovea.schedule<"MNknmkn", rows = 8, columns = 48, vector = 16, task = 256, width = 192, depth = 192>`. The string
    names the loops from outermost to innermost: a letter is a loop, a repeated letter is a tiled one, a capital is
    shared among threads. `rows` and `columns` are the register tile, `vector` the lanes, `task` and `width` the rows and
    columns that one parallel task takes (of few symbolic rows a product's task takes less, for even shares), `depth` how
    many terms of a long sum are taken at a time, and `chunks` into how many parts it is cut (summed in order, whatever
    the thread count). In a product, `a` stands where its first operand is copied into tiles of `rows`, `b` where its
    second is copied into panels of `columns`. A convolution whose loops have a `k` in front (`"Tkokf"`) takes `depth`
    channels of the image at a time. In attention, tiles are of queries by keys and `task` is a block of
    queries; `chunks` cut the keys, where the loops have a second `j` (`"BIJijd"`), and in the gradient the queries,
    whose chunks are the loop `I`; in `"BIijqd"` `width` queries at a time go through all keys for their result. Where
    rows are reduced, `rows` of them go through each stage together. Chosen in lib/kernels/schedule, which also knows
    the loop orders of each kind of kernel, applied in lib/halide, and may be edited in a printed `kernels` file.
  }];
  let parameters = (ins StringRefParameter<"loop order">:$loops, DefaultValuedParameter<"int64_t", "1">:$rows,
                        DefaultValuedParameter<"int64_t", "1">:$columns, DefaultValuedParameter<"int64_t", "1">:$vector,
                        DefaultValuedParameter<"int64_t", "1">:$task, DefaultValuedParameter<"int64_t", "1">:$chunks,
                        DefaultValuedParameter<"int64_t", "1">:$width, DefaultValuedParameter<"int64_t", "1">:$depth);
  let skipDefaultBuilders = 1;
  let builders = [AttrBuilder<(ins "::llvm::StringRef":$loops, "int64_t":$rows, "int64_t":$columns, "int64_t":$vector,
                                   "int64_t":$task, "int64_t":$chunks, CArg<"int64_t", "1">:$width,
                                   CArg<"int64_t", "1">:$depth), [{
    return $_get($_ctxt, loops, rows, columns, vector, task, chunks, width, depth);
  }]>];
  let assemblyFormat = "`<` $loops (`,` struct($rows, $columns, $vector, $task, $chunks, $width, $depth)^)? `>`";
  let genVerifyDecl = 1;
}

def Fovea_PanelsAttr : Fovea_Attr<"Panels", "panels"> {
  let summary = "a packed layout: one axis cut into panels that lie one after another";
  let description = [{
    `#fovea.panels<axis = 1, size = 32>`: the packed tensor has the panels of `axis` as its first dimension, then the
    other axes in order, then the `size` elements of a panel. Nothing reads what fills up the last panel.
  }];
  let parameters = (ins "int64_t":$axis, "int64_t":$size);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The packed form of a logical type; null if the axis is not one of its constant sizes.
    ::mlir::RankedTensorType pack(::mlir::RankedTensorType logical) const;
  }];
}

def Fovea_OptimizerAttr : Fovea_Attr<"Optimizer", "optimizer"> {
  let summary = "an optimizer's rule and its constants";
  let description = [{
    `kind` is `sgd` (momentum, nesterov, weight_decay), `adam`, `adamw` or `lamb` (beta1, beta2, epsilon, weight_decay) or
    `adagrad` (epsilon, weight_decay). With any of them: gradients are scaled to the global norm `clip_norm` where that is
    positive; where `ema` is, moving averages of the parameters are kept with this decay; where `loss_scale` is, the loss
    is scaled by a number that starts with it and is doubled after `growth_interval` updates with finite gradients, or
    halved.
  }];
  let parameters = (ins StringRefParameter<>:$kind, "::mlir::DictionaryAttr":$constants);
  let assemblyFormat = "`<` $kind `,` $constants `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The named constant, 0 where absent.
    double constant(::llvm::StringRef name) const;
  }];
}

def Fovea_BufferType : TypeDef<Fovea_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "a tensor's storage: its logical type and the stride of each dimension, in elements";
  let parameters = (ins "::mlir::RankedTensorType":$tensor, "::fovea::DimsAttr":$strides);
  let assemblyFormat = "`<` $tensor `,` $strides `>`";
  let genVerifyDecl = 1;
}

#endif
