// Products of one input with several parameters become one product with the parameters side by side.
#include "lib/rewrite/Rewrite.h"

#include "dialect/Ops.h"

using namespace mlir;

namespace fovea {
namespace {

bool isParameterProduct(MatmulOp matmul) {
  return matmul.getA().getType().getRank() == 2 && matmul.getB().getType().getRank() == 2 && !matmul.getTransposeA() &&
         !matmul.getTransposeB() && matmul.getB().getDefiningOp<LoadOp>();
}

struct JoinSiblings : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp first, PatternRewriter &rewriter) const override {
    if (!isParameterProduct(first)) return failure();
    SmallVector<MatmulOp> siblings;
    for (Operation &op : *first->getBlock())
      if (auto other = dyn_cast<MatmulOp>(op); other && other.getA() == first.getA() && isParameterProduct(other))
        siblings.push_back(other);
    if (siblings.size() < 2 || siblings[0] != first) return failure();
    SmallVector<Value> weights;
    for (MatmulOp sibling : siblings) {
      weights.push_back(sibling.getB());
      rewriter.moveOpBefore(sibling.getB().getDefiningOp(), &first->getBlock()->front());
    }
    Value weight = ConcatOp::create(rewriter, first.getLoc(), weights, 1);
    Value product = MatmulOp::create(rewriter, first.getLoc(), first.getA(), weight, false, false);
    int64_t start = 0;
    for (MatmulOp sibling : siblings) {
      int64_t columns = sibling.getType().getDimSize(1);
      Value part = SliceOp::create(rewriter, sibling.getLoc(), product, 1, start, columns, 1);
      rewriter.replaceOp(sibling, part);
      start += columns;
    }
    return success();
  }
};

} // namespace

void addJoinProducts(RewritePatternSet &patterns) { patterns.add<JoinSiblings>(patterns.getContext()); }

} // namespace fovea
