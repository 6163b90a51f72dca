// The algebraic rewrites, one function for each file of this folder, and what they share.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"

namespace fovea {

/// The first of all: the others count on elements.
void addFoldEmpty(mlir::RewritePatternSet &patterns);
/// A diagnostic where an op still reads a tensor without elements.
mlir::LogicalResult checkNonempty(mlir::func::FuncOp function);

void addFoldScales(mlir::RewritePatternSet &patterns);
void addHoistSlices(mlir::RewritePatternSet &patterns);
void addJoinPads(mlir::RewritePatternSet &patterns);
void addJoinProducts(mlir::RewritePatternSet &patterns);
void addMergeTransposes(mlir::RewritePatternSet &patterns);
void addPatchConvolution(mlir::RewritePatternSet &patterns);
void addSinkReshapes(mlir::RewritePatternSet &patterns);

/// The op once more, over other operands; its result is of `type` where that cannot be inferred. Null where the op does
/// not take such operands.
mlir::Operation *cloneOver(mlir::PatternRewriter &rewriter, mlir::Operation *op, mlir::ValueRange operands,
                           mlir::RankedTensorType type);

} // namespace fovea
