// A product as a loop over tiles of vectors, for any target.
#pragma once

#include "lib/gpu/Product.h"

#include "mlir/IR/BuiltinOps.h"

namespace fovea::gpu {

/// A tile of the result, and how many terms of its sums are added at a time.
struct Tile {
  int64_t rows, columns, depth;

  /// What a warp's registers hold, and what a processor's code goes over row by row.
  static Tile ofWarp(const Product &product);
  static Tile ofProcessor(const Product &product);
};

/// A module with one function, `symbol`(a, b, addends, result: memrefs of rank 0 at the first elements; rows: index):
/// one scf.forall over the tiles, and in it one scf.for along the sums, with vector.contract. The dialects must be
/// loaded.
mlir::OwningOpRef<mlir::ModuleOp> vectorForm(mlir::MLIRContext *context, const Product &product, const Tile &tile,
                                             StringRef symbol);

} // namespace fovea::gpu
