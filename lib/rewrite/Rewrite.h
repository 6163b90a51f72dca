// The algebraic rewrites, one function for each file of this folder.
#pragma once

#include "mlir/IR/PatternMatch.h"

namespace fovea {

void addFoldScales(mlir::RewritePatternSet &patterns);
void addJoinPads(mlir::RewritePatternSet &patterns);
void addJoinProducts(mlir::RewritePatternSet &patterns);
void addMergeTransposes(mlir::RewritePatternSet &patterns);
void addPatchConvolution(mlir::RewritePatternSet &patterns);
void addSinkReshapes(mlir::RewritePatternSet &patterns);

} // namespace fovea
