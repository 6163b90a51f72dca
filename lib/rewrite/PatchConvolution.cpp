// A convolution whose windows tile the image is a product: patches in rows times the weight.
#include "lib/rewrite/Rewrite.h"

#include "dialect/Ops.h"
#include "dialect/Shape.h"

using namespace mlir;

namespace fovea {
namespace {

struct PatchesToProduct : OpRewritePattern<Conv2dOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(Conv2dOp conv, PatternRewriter &rewriter) const override {
    RankedTensorType x = conv.getX().getType(), weight = conv.getWeight().getType(), y = conv.getType();
    int64_t channels = weight.getDimSize(1), height = weight.getDimSize(2), width = weight.getDimSize(3);
    ArrayRef<int64_t> stride = conv.getStride(), padding = conv.getPadding();
    // Of single pixels, convolution reads the image as it lies.
    if ((height == 1 && width == 1) || stride[0] != height || stride[1] != width || padding[0] || padding[1] ||
        conv.getGroups() != 1 || llvm::any_of(conv.getDilation(), [](int64_t dilation) { return dilation != 1; }) ||
        x.getDimSize(2) % height || x.getDimSize(3) % width)
      return failure();
    Shapes shapes(getContext());
    Location location = conv.getLoc();
    AffineExpr batch = shapes.of(x)[0];
    auto size = [&](int64_t value) { return shapes.constant(value); };
    auto reshape = [&](Value value, ArrayRef<AffineExpr> sizes) -> Value {
      return ReshapeOp::create(rewriter, location, shapes.tensor(sizes, x.getElementType()), value);
    };
    AffineExpr rows = size(y.getDimSize(2)), columns = size(y.getDimSize(3)), outputs = size(weight.getDimSize(0));
    AffineExpr patch = size(channels * height * width);
    Value cut = reshape(conv.getX(), {batch, size(channels), rows, size(height), columns, size(width)});
    Value patches = TransposeOp::create(rewriter, location, cut, ArrayRef<int64_t>{0, 2, 4, 1, 3, 5});
    Value flat = reshape(patches, {shapes.product({batch, rows, columns}), patch});
    Value product =
        MatmulOp::create(rewriter, location, flat, reshape(conv.getWeight(), {outputs, patch}), false, true);
    Value image = reshape(product, {batch, rows, columns, outputs});
    rewriter.replaceOpWithNewOp<TransposeOp>(conv, image, ArrayRef<int64_t>{0, 3, 1, 2});
    return success();
  }
};

} // namespace

void addPatchConvolution(RewritePatternSet &patterns) { patterns.add<PatchesToProduct>(patterns.getContext()); }

} // namespace fovea
