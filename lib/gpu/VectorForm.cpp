// Builds the vector form of a product.
#include "lib/gpu/VectorForm.h"

#include "lib/kernels/Gelu.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace fovea::gpu {

/// The largest of `most`, `most` / 2, ... that divides the size.
static int64_t divisor(int64_t size, int64_t most) {
  while (size % most) most /= 2;
  return most;
}

Tile Tile::ofWarp(const Product &product) { return {32, divisor(product.columns, 64), divisor(product.depth, 32)}; }
Tile Tile::ofProcessor(const Product &product) { return {1, divisor(product.columns, 64), divisor(product.depth, 32)}; }

namespace {

class Builder {
public:
  Builder(MLIRContext *context, const Product &product, const Tile &tile)
      : product(product), tile(tile), builder(UnknownLoc::get(context), context) {}

  OwningOpRef<ModuleOp> build(StringRef symbol) {
    OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getLoc());
    builder.setInsertionPointToEnd(module->getBody());
    SmallVector<Type> types = {pointer(product.a), pointer(product.b)};
    for (const Matrix &addend : product.addends) types.push_back(pointer(addend));
    types.push_back(pointer(product.result));
    types.push_back(builder.getIndexType());
    auto function = func::FuncOp::create(builder, symbol, builder.getFunctionType(types, {}));
    builder.setInsertionPointToStart(function.addEntryBlock());
    rows = function.getArguments().back();
    a = view(function.getArgument(0), product.a, {rows, size(product.depth)});
    OpFoldResult ofB[] = {size(product.depth), size(product.columns)};
    if (product.transposedB) std::swap(ofB[0], ofB[1]);
    b = view(function.getArgument(1), product.b, ofB);
    for (auto [index, addend] : llvm::enumerate(product.addends))
      addends.push_back(view(function.getArgument(2 + index), addend, {rows, size(product.columns)}));
    result = view(function.getArgument(types.size() - 2), product.result, {rows, size(product.columns)});
    auto tiles = scf::ForallOp::create(builder, {size(0), size(0)}, {rows, size(product.columns)},
                                       {size(tile.rows), size(tile.columns)}, ValueRange(), std::nullopt);
    builder.setInsertionPointToStart(tiles.getBody());
    buildTile(tiles.getInductionVar(0), tiles.getInductionVar(1));
    builder.setInsertionPointAfter(tiles);
    func::ReturnOp::create(builder);
    return module;
  }

private:
  void buildTile(Value row, Value column) {
    auto type = VectorType::get({tile.rows, tile.columns}, builder.getF32Type());
    auto loop = scf::ForOp::create(builder, index(0), index(product.depth), index(tile.depth), splat(0));
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(loop.getBody());
      Value sum = addTerms(row, column, loop.getInductionVar(), loop.getRegionIterArg(0));
      scf::YieldOp::create(builder, sum);
    }
    Value sum = loop.getResult(0);
    AffineExpr ofRow[] = {builder.getAffineConstantExpr(0), builder.getAffineDimExpr(0)};
    auto broadcast = AffineMap::get(1, 0, ofRow, builder.getContext()), identity = builder.getMultiDimIdentityMap(2);
    for (auto [matrix, addend] : llvm::zip(product.addends, addends)) {
      Value added = matrix.isRow ? read(addend, column, type.getShape(), broadcast, {true, true})
                                 : read(addend, {row, column}, type.getShape(), identity, {tile.rows == 1, true});
      if (!matrix.isF32) added = arith::ExtFOp::create(builder, type, added);
      sum = arith::AddFOp::create(builder, sum, added);
    }
    if (product.activation == Activation::relu) sum = arith::MaximumFOp::create(builder, sum, splat(0));
    if (product.activation == Activation::gelu) sum = gelu(sum);
    if (!product.result.isF32) sum = arith::TruncFOp::create(builder, type.clone(builder.getBF16Type()), sum);
    vector::TransferWriteOp::create(builder, sum, result, ValueRange{row, column},
                                    ArrayRef<bool>{tile.rows == 1, true});
  }

  /// `sum` with the terms from `k` on.
  Value addTerms(Value row, Value column, Value k, Value sum) {
    auto identity = builder.getMultiDimIdentityMap(2);
    Value x = read(a, {row, k}, {tile.rows, tile.depth}, identity, {tile.rows == 1, true});
    Value y = product.transposedB ? read(b, {column, k}, {tile.columns, tile.depth}, identity, {true, true})
                                  : read(b, {k, column}, {tile.depth, tile.columns}, identity, {true, true});
    AffineExpr m, n, d;
    bindDims(builder.getContext(), m, n, d);
    AffineExpr ofA[] = {m, d}, ofB[] = {d, n}, ofSum[] = {m, n};
    if (product.transposedB) std::swap(ofB[0], ofB[1]);
    using vector::IteratorType;
    return vector::ContractionOp::create(
        builder, x, y, sum, ArrayRef<ArrayRef<AffineExpr>>{ofA, ofB, ofSum},
        ArrayRef<IteratorType>{IteratorType::parallel, IteratorType::parallel, IteratorType::reduction});
  }

  /// x Phi(x), with the normal distribution's Phi.
  Value gelu(Value x) {
    Value size = arith::MaximumFOp::create(builder, x, arith::NegFOp::create(builder, x));
    Value at = arith::MinimumFOp::create(builder, size, splat(geluEnd)), root;
    for (double coefficient : geluRoot)
      root = root ? arith::AddFOp::create(builder, times(root, at), splat(coefficient)) : splat(coefficient);
    root = arith::MaximumFOp::create(builder, root, splat(0));
    Value square = times(root, root), below = times(square, square);
    Value above = arith::SubFOp::create(builder, splat(1), below);
    Value isBelow = arith::CmpFOp::create(builder, arith::CmpFPredicate::OLT, x, splat(0));
    return times(x, arith::SelectOp::create(builder, isBelow, below, above));
  }

  Value times(Value a, Value b) { return arith::MulFOp::create(builder, a, b); }
  /// A tile of one number.
  Value splat(double value) {
    auto type = VectorType::get({tile.rows, tile.columns}, builder.getF32Type());
    return arith::ConstantOp::create(builder, DenseElementsAttr::get(type, float(value)));
  }

  Value read(Value from, ValueRange at, ArrayRef<int64_t> shape, AffineMap map, ArrayRef<bool> inBounds) {
    Type element = cast<MemRefType>(from.getType()).getElementType();
    Value padding = arith::ConstantOp::create(builder, builder.getFloatAttr(element, 0));
    return vector::TransferReadOp::create(builder, VectorType::get(shape, element), from, at, padding, map, inBounds);
  }

  /// `sizes` are those of a matrix; a row has the last.
  Value view(Value pointer, const Matrix &matrix, ArrayRef<OpFoldResult> sizes) {
    SmallVector<OpFoldResult> strides = {size(matrix.stride), size(1)};
    size_t first = matrix.isRow ? 1 : 0;
    return memref::ReinterpretCastOp::create(builder, pointer, size(0), sizes.drop_front(first),
                                             ArrayRef(strides).drop_front(first));
  }

  MemRefType pointer(const Matrix &matrix) {
    return MemRefType::get({}, matrix.isF32 ? Type(builder.getF32Type()) : Type(builder.getBF16Type()));
  }
  OpFoldResult size(int64_t value) { return builder.getIndexAttr(value); }
  Value index(int64_t value) { return arith::ConstantIndexOp::create(builder, value); }

  const Product &product;
  const Tile &tile;
  ImplicitLocOpBuilder builder;
  Value a, b, result, rows;
  SmallVector<Value> addends;
};

} // namespace

OwningOpRef<ModuleOp> vectorForm(MLIRContext *context, const Product &product, const Tile &tile, StringRef symbol) {
  return Builder(context, product, tile).build(symbol);
}

} // namespace fovea::gpu
