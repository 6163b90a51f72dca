// Recognises the kernels that are one product of bf16 matrices.
#include "lib/gpu/Product.h"

#include "dialect/Shape.h"

using namespace mlir;

namespace fovea::gpu {

namespace {

/// Walks a kernel from its result to its arguments. Every op must be met on the way.
class Recognition {
public:
  explicit Recognition(KernelOp kernel) : kernel(kernel) {}

  std::optional<Product> run() {
    auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
    if (yield.getValues().size() != 1) return std::nullopt;
    Value sum = withoutActivation(withoutCast(yield.getValues()[0], /*toF32=*/false));
    SmallVector<Value> added; // the last first
    while (auto add = sum.getDefiningOp<AddOp>()) {
      met(add);
      bool first = dependsOnProduct(add.getA());
      added.push_back(first ? add.getB() : add.getA());
      sum = first ? add.getA() : add.getB();
    }
    auto matmul = sum.getDefiningOp<MatmulOp>();
    if (!matmul || !typeOf(sum).getElementType().isF32() || matmul.getTransposeA()) return std::nullopt;
    met(matmul);
    if (!describe(matmul, yield)) return std::nullopt;
    for (Value value : llvm::reverse(added))
      if (!addend(value)) return std::nullopt;
    size_t ops = kernel.getBody().front().getOperations().size() - 1;
    return ops == seen.size() ? std::optional(product) : std::nullopt;
  }

private:
  static bool dependsOnProduct(Value sum) {
    auto add = sum.getDefiningOp<AddOp>();
    return add ? dependsOnProduct(add.getA()) || dependsOnProduct(add.getB())
               : isa_and_nonnull<MatmulOp>(sum.getDefiningOp());
  }

  Value withoutActivation(Value value) {
    Operation *op = value.getDefiningOp();
    if (!isa_and_nonnull<ReluOp, GeluOp>(op)) return value;
    met(op);
    product.activation = isa<ReluOp>(op) ? Activation::relu : Activation::gelu;
    return op->getOperand(0);
  }

  bool describe(MatmulOp matmul, YieldOp yield) {
    RankedTensorType type = matmul.getType(), a = typeOf(matmul.getA()), b = typeOf(matmul.getB());
    if (a.getRank() != 2 || b.getRank() != 2 || !b.hasStaticShape()) return false;
    product.transposedB = matmul.getTransposeB();
    product.depth = a.getDimSize(1);
    product.columns = type.getDimSize(1);
    constexpr int64_t mostColumns = 32 * 65535; // of blocks along y
    if (product.depth % 16 || product.columns % 16 || product.columns > mostColumns) return false;
    product.rows = rowsOf(type);
    if (!operand(matmul.getA(), product.a) || !operand(matmul.getB(), product.b)) return false;
    int64_t shared = kernel.inPlace(0);
    if (shared == product.a.argument || shared == product.b.argument) return false;
    Type element = typeOf(yield.getValues()[0]).getElementType();
    product.result.isF32 = element.isF32();
    return (element.isF32() || element.isBF16()) && layout(kernel.resultStrides(0), product.result);
  }

  /// A factor: bf16, and widened.
  bool operand(Value value, Matrix &matrix) {
    return argument(withoutCast(value, /*toF32=*/true), matrix) && !matrix.isF32;
  }

  DimsAttr rowsOf(RankedTensorType type) {
    DimsAttr dims = dimsOf(type);
    return DimsAttr::get(kernel.getContext(), dims.getNames(), dims.getSizes().front());
  }

  bool addend(Value value) {
    Matrix matrix;
    Value stored = withoutCast(value, /*toF32=*/true);
    RankedTensorType type = typeOf(stored);
    matrix.isRow = type.getRank() == 1;
    if (type.getRank() < 1 || type.getRank() > 2 || type.getShape().back() != product.columns ||
        !argument(stored, matrix))
      return false;
    if (!matrix.isRow && rowsOf(type) != product.rows) return false;
    product.addends.push_back(matrix);
    return true;
  }

  bool argument(Value value, Matrix &matrix) {
    auto found = dyn_cast<BlockArgument>(value);
    if (!found) return false;
    Type element = typeOf(value).getElementType();
    matrix.argument = found.getArgNumber();
    matrix.isF32 = element.isF32();
    return (element.isF32() || element.isBF16()) && layout(kernel.argumentStrides(matrix.argument), matrix);
  }

  /// Runs of eight elements must be able to begin at multiples of eight.
  static bool layout(DimsAttr strides, Matrix &matrix) {
    ArrayRef<AffineExpr> sizes = strides.getSizes();
    if (!isSize(sizes.back(), 1)) return false;
    std::optional<int64_t> stride = sizes.size() == 2 ? constantSize(sizes[0]) : 0;
    if (!stride || *stride % 8) return false;
    matrix.stride = *stride;
    return true;
  }

  /// The operand of a cast between f32 and bf16 in this direction, or the value itself.
  Value withoutCast(Value value, bool toF32) {
    auto cast = value.getDefiningOp<CastOp>();
    if (!cast) return value;
    Type from = typeOf(cast.getX()).getElementType(), to = cast.getType().getElementType();
    if (!(toF32 ? from.isBF16() && to.isF32() : from.isF32() && to.isBF16())) return value;
    met(cast);
    return cast.getX();
  }

  void met(Operation *op) { seen.insert(op); }

  KernelOp kernel;
  Product product;
  llvm::SmallDenseSet<Operation *> seen;
};

} // namespace

std::optional<Product> Product::of(KernelOp kernel) {
  return isa_and_nonnull<MatmulOp>(kernel.getAnchor()) ? Recognition(kernel).run() : std::nullopt;
}

} // namespace fovea::gpu
