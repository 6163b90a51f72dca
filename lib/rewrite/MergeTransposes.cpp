// A transpose of the last two dimensions before a product becomes the product's flag.
#include "lib/rewrite/Rewrite.h"

#include "dialect/Ops.h"

using namespace mlir;

namespace fovea {
namespace {

/// What `value` is the last-two-dimensions transpose of.
Value transposedLast(Value value) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  if (!transpose) return {};
  ArrayRef<int64_t> permutation = transpose.getPermutation();
  int64_t rank = permutation.size();
  for (int64_t d = 0; d + 2 < rank; ++d)
    if (permutation[d] != d) return {};
  return rank >= 2 && permutation[rank - 1] == rank - 2 ? transpose.getX() : Value();
}

struct MergeIntoMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp matmul, PatternRewriter &rewriter) const override {
    Value a = transposedLast(matmul.getA()), b = transposedLast(matmul.getB());
    if (!a && !b) return failure();
    rewriter.replaceOpWithNewOp<MatmulOp>(matmul, a ? a : matmul.getA(), b ? b : matmul.getB(),
                                          matmul.getTransposeA() != bool(a), matmul.getTransposeB() != bool(b));
    return success();
  }
};

} // namespace

void addMergeTransposes(RewritePatternSet &patterns) { patterns.add<MergeIntoMatmul>(patterns.getContext()); }

} // namespace fovea
