// Constant factors: (x * c) * d becomes x * (c d), and a scaled attention query becomes attention's scale.
#include "lib/rewrite/Rewrite.h"

#include "dialect/Ops.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace fovea {
namespace {

/// The other factor of a product with a rank-0 constant.
Value scaledBy(Value value, APFloat &factor) {
  auto mul = value.getDefiningOp<MulOp>();
  if (!mul) return {};
  for (auto [x, scale] : {std::pair(mul.getA(), mul.getB()), std::pair(mul.getB(), mul.getA())}) {
    DenseFPElementsAttr constant;
    if (scale.getType().getRank() == 0 && x.getType() == mul.getType() && matchPattern(scale, m_Constant(&constant))) {
      factor = constant.getSplatValue<APFloat>();
      return x;
    }
  }
  return {};
}

struct FoldProducts : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp mul, PatternRewriter &rewriter) const override {
    APFloat outer(0.0f), inner(0.0f);
    Value scaled = scaledBy(mul, outer);
    Value x = scaled ? scaledBy(scaled, inner) : Value();
    if (!x || !scaled.hasOneUse()) return failure();
    auto type = RankedTensorType::get({}, mul.getType().getElementType());
    Value factor = ConstantOp::create(rewriter, mul.getLoc(), DenseElementsAttr::get(type, outer * inner));
    rewriter.replaceOpWithNewOp<MulOp>(mul, x, factor);
    return success();
  }
};

struct FoldIntoAttention : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp attention, PatternRewriter &rewriter) const override {
    APFloat factor(0.0f);
    Value x = scaledBy(attention.getQuery(), factor);
    if (!x) return failure();
    rewriter.modifyOpInPlace(attention, [&] {
      attention.getQueryMutable().assign(x);
      attention.setScale(APFloat(attention.getScale().convertToDouble() * factor.convertToDouble()));
    });
    return success();
  }
};

} // namespace

void addFoldScales(RewritePatternSet &patterns) {
  patterns.add<FoldProducts, FoldIntoAttention>(patterns.getContext());
}

} // namespace fovea
