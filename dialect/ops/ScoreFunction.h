// Score and mask functions of attention: the rules of their regions, and the gradients of what they capture.
#pragma once

#include "dialect/Ops.h"
#include "dialect/Shape.h"

namespace fovea {

/// The element type that scores of such queries are computed in.
mlir::Type scoreType(mlir::Type query);

/// The type of what score_load reads of a capture.
RankedTensorType loadedType(RankedTensorType capture);

/// Whether a region is one of `op`'s functions: it takes `scores` scores, then b, h, i, j and the captures, and yields
/// a score or, if `mask`, a truth.
mlir::LogicalResult verifyScoreFunction(mlir::Operation *op, mlir::Region &region, StringRef name, unsigned scores,
                                        ValueRange captures, mlir::Type query, bool mask);

/// Brings the captures' types in the regions up to date with the operands.
void retypeCaptures(mlir::Operation *op, ValueRange captures);

/// Fills `gradient` with the vector-Jacobian product of a score region, which adds to the captures that are `needed`.
mlir::LogicalResult differentiateScore(mlir::Region &score, mlir::Region &gradient, ArrayRef<bool> needed);

/// The gradient of one capture: what one head adds to it is summed first.
struct CaptureGradient {
  unsigned capture;
  SmallVector<ScoreAddOp> adds;
  int64_t batch = -1, head = -1; // its dimensions that b and h index alone
  SmallVector<int64_t> rest;     // the others

  /// (b, heads, rest..), the type of the sums over each head.
  RankedTensorType sums(RankedTensorType query, RankedTensorType capture) const;
  /// The capture's gradient of these sums.
  Value total(mlir::OpBuilder &builder, Value sums, RankedTensorType capture) const;
};
/// Of the captures that a gradient region adds to, in their order.
SmallVector<CaptureGradient> captureGradients(mlir::Region &gradient, RankedTensorType query, ValueRange captures);

} // namespace fovea
