// Sums of rows inside a kernel that is built around something else, or around nothing.
#include "dialect/ops/RowSum.h"
#include "lib/halide/RowReduction.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::Var;

namespace fovea {

/// Sums of rows that can be computed in one loop: none goes into the next.
static SmallVector<SmallVector<SumOp>> rowSumsTogether(Block &body) {
  SmallVector<SmallVector<SumOp>> result;
  llvm::SmallPtrSet<Operation *, 16> after; // what reads a sum of the last ones
  for (Operation &op : body) {
    bool reads = llvm::any_of(op.getOperands(), [&](Value operand) { return after.contains(operand.getDefiningOp()); });
    if (reads) after.insert(&op);
    if (!isRowSum(&op)) continue;
    auto sum = cast<SumOp>(op);
    if (result.empty() || reads || result.back()[0].getX().getType() != sum.getX().getType()) {
      result.emplace_back();
      after.clear();
    }
    result.back().push_back(sum);
    after.insert(&op);
  }
  return result;
}

/// Sums of rows of one shape, bound for all that read them. One that is a result is stored beside, and the output waits
/// for it: nothing else may read it.
void KernelLowering::lowerRowSums(MutableArrayRef<SumOp> sums) {
  std::string name = "row_sums" + std::to_string(rowSums.size());
  int64_t rank = sums[0].getType().getRank();
  std::vector<Var> vars = reversed(variables(rank)), row(vars.begin() + 1, vars.end());
  auto elements = [&](const Expr &j) {
    std::vector<Expr> element(row.rbegin(), row.rend()), values;
    element.push_back(j);
    for (SumOp sum : sums) values.push_back(load(sum.getX(), element));
    return values;
  };
  RowReduction reduction(*this, name, row, extent(sums[0].getX(), rank - 1), RowReduction::sum,
                         RowReduction::Elements(elements));
  std::vector<Func> stored;
  for (auto [index, sum] : llvm::enumerate(sums)) {
    Func each = func(name + "_each" + std::to_string(index));
    auto totals = reduction.total(std::vector<Expr>(row.begin(), row.end()));
    Expr total = sums.size() == 1 ? Expr(totals) : totals[(int)index];
    bind(sum.getResult(), each);
    if (isYielded(sum.getResult())) {
      stored.push_back(each);
      total = yieldBeside(sum.getResult(), total, total, reversed(std::vector<Expr>(vars.begin(), vars.end())));
    }
    each(vars) = total;
  }
  rowSums.push_back([this, reduction, stored, each = row[0]](const Var &row) mutable {
    reduction.computeWithRows(*this, row);
    for (Func stage : stored) fovea::computeWithRows(*this, stage, each, row);
  });
}

void KernelLowering::lowerRowSums() {
  for (SmallVector<SumOp> &sums : rowSumsTogether(op.getBody().front())) lowerRowSums(sums);
}

void KernelLowering::placeRowSums(const Var &row) {
  for (auto &place : rowSums) place(row);
}

} // namespace fovea
