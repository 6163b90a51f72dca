// The passes, in the order of the pipeline.
include "mlir/Pass/PassBase.td"

def GradPass : Pass<"fovea-grad", "mlir::ModuleOp"> {
  let summary = "Make the entry points of a model: forward, gradients, update";
  let description = [{
    `@forward` is `@model` in inference mode, without its loss. If the model has a loss, `@gradients` is the model in
    training mode: it returns the loss, the results marked `fovea.report` and, as `gradient_NAME`, the gradient of every input
    NAME marked `fovea.gradient`, and adds the gradients of the trained parameters to the state tensors `gradient/NAME`;
    `@update(rate, scale)` clips and applies them by the optimizer's rule and sets them to zero; `@train_step` is both.
  }];
  let options = [Option<"inferenceOnly", "inference-only", "bool", "false", "Make only @forward, whether or not there is a loss">];
  let dependentDialects = ["fovea::FoveaDialect", "mlir::func::FuncDialect"];
}

def RewritePass : Pass<"fovea-rewrite", "mlir::ModuleOp"> {
  let summary = "Algebraic rewrites, valid before and after grad";
  let description = [{
    Folds scales, merges transposes into products, hoists slices above what computes each element, row or query by itself,
    sinks reshapes below elementwise and row ops so that these fuse with the products before them, turns patch convolutions
    into products, joins products of one input, and cleans up.
  }];
  let dependentDialects = ["fovea::FoveaDialect", "mlir::func::FuncDialect"];
}

def WidenPass : Pass<"fovea-widen", "mlir::ModuleOp"> {
  let summary = "Compute with f16 and bf16 in f32";
  let description = [{
    An op that computes with f16 or bf16 takes its operands cast to f32 and has its result cast back; views move elements as
    they are. What an op keeps for its gradient beside its first result, such as a log-sum-exp, stays in f32.
  }];
  let dependentDialects = ["fovea::FoveaDialect", "mlir::func::FuncDialect"];
}

def PackParametersPass : Pass<"fovea-pack-parameters", "mlir::ModuleOp"> {
  let summary = "Keep the weights of products in the panels that their kernels read";
  let description = [{
    A parameter that the first function to load it multiplies by gets `panels` as wide as the product's register tile, so that
    no kernel packs it; its optimizer state is kept alike, and so is its gradient where a product gives it by columns. Packing
    moves through elementwise ops until only products and storage see it.
  }];
  let options = [Option<"target", "target", "std::string", "\"x86-64-v3\"", "The processor to pack for">];
  let dependentDialects = ["fovea::FoveaDialect", "mlir::func::FuncDialect"];
}

def KernelsPass : Pass<"fovea-kernels", "mlir::ModuleOp"> {
  let summary = "Cut functions into kernels, schedule them, and place every buffer";
  let description = [{
    Each function becomes a list of `fovea.launch` over buffers with offsets and layouts; kernels with equal bodies and types
    are one. What is cheap to compute and long out of use is computed again rather than kept, and launches that do the same
    to neighbouring states are one launch. Every kernel gets the schedule that the target suggests, unless it has one.
  }];
  let options = [Option<"target", "target", "std::string", "\"x86-64-v3\"", "The processor to schedule for">];
  let dependentDialects = ["fovea::FoveaDialect", "mlir::func::FuncDialect"];
}
