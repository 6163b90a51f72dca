// Each file of this folder that is named like a family in dialect/ops attaches that family's lowerings.
#pragma once

#include "lib/halide/Lowering.h"

namespace fovea {

void registerAttentionLowerings(mlir::MLIRContext *context);
void registerAttentionGradLowerings(mlir::MLIRContext *context);
void registerAttentionMapLowerings(mlir::MLIRContext *context);
void registerContractionLowerings(mlir::MLIRContext *context);
void registerConvolutionLowerings(mlir::MLIRContext *context);
void registerConvolutionGradLowerings(mlir::MLIRContext *context);
void registerElementwiseLowerings(mlir::MLIRContext *context);
void registerGatherLowerings(mlir::MLIRContext *context);
void registerRandomLowerings(mlir::MLIRContext *context);
void registerReduceLowerings(mlir::MLIRContext *context);
void registerRowsLowerings(mlir::MLIRContext *context);
void registerScoreLowerings(mlir::MLIRContext *context);
void registerSortLowerings(mlir::MLIRContext *context);
void registerViewsLowerings(mlir::MLIRContext *context);
void registerWindowsLowerings(mlir::MLIRContext *context);

} // namespace fovea
