// Lookups by index, and the sum of rows by index.
#include "lib/halide/Families.h"
#include "lib/halide/Math.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

namespace fovea {
namespace {

struct EmbeddingLowering : PointLowering::ExternalModel<EmbeddingLowering, EmbeddingOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto embedding = cast<EmbeddingOp>(op);
    Expr index = kernel.load(embedding.getIndices(), at.drop_back()), rows = kernel.extent(embedding.getTable(), 0);
    Expr inside = index >= 0 && index < Halide::cast(index.type(), rows);
    Expr row = clamp(Halide::cast<int32_t>(index), 0, rows - 1);
    Expr element = kernel.load(embedding.getTable(), {row, at.back()});
    return select(inside, element, math::nan(element.type()));
  }
};

struct OneHotLowering : PointLowering::ExternalModel<OneHotLowering, OneHotOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto oneHot = cast<OneHotOp>(op);
    Expr index = kernel.load(oneHot.getIndices(), at.drop_back());
    return Halide::cast(kernel.type(oneHot.getType().getElementType()), index == Halide::cast(index.type(), at.back()));
  }
};

struct EmbeddingGradLowering : AnchorLowering::ExternalModel<EmbeddingGradLowering, EmbeddingGradOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    auto grad = cast<EmbeddingGradOp>(op);
    std::vector<Var> v = kernel.variables(2);
    Expr rows = kernel.extents(grad.getType())[0], count = kernel.extent(grad.getIndices(), 0);
    RDom i = kernel.reduction("i", {count});
    Expr index = kernel.load(grad.getIndices(), {Expr(i.x)});
    i.where(index >= 0 && index < Halide::cast(index.type(), rows));
    Func sum = kernel.func("rows");
    sum(v[1], v[0]) = kernel.real(kernel.type(grad.getType().getElementType()), 0);
    sum(v[1], clamp(Halide::cast<int32_t>(index), 0, rows - 1)) +=
        kernel.load(grad.getCotangent(), {Expr(i.x), Expr(v[1])});
    kernel.bind(grad.getResult(), sum);
    int lanes = kernel.schedule().getVector();
    scheduleRows(kernel.output(), kernel.schedule(), lanes);
    Var run("run");
    auto tail = Halide::TailStrategy::GuardWithIf;
    sum.compute_root().vectorize(v[1], lanes, tail);
    sum.update().split(v[1], run, v[1], lanes, tail).reorder(v[1], i.x, run).vectorize(v[1]).parallel(run);
    return success();
  }
};

} // namespace

void registerGatherLowerings(MLIRContext *context) {
  EmbeddingOp::attachInterface<EmbeddingLowering>(*context);
  OneHotOp::attachInterface<OneHotLowering>(*context);
  EmbeddingGradOp::attachInterface<EmbeddingGradLowering>(*context);
}

} // namespace fovea
