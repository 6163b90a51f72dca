// The algebraic rewrites, one function for each file of this folder.
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

} // namespace fovea
