// How a function is cut into kernels: the analysis, and the outlining of its groups.
#pragma once

#include "lib/kernels/StridedView.h"
#include "lib/kernels/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

namespace fovea {

/// The cut of one function. Each group becomes one kernel and one launch.
class Partition {
public:
  /// Where a kernel reads a value: at the coordinates of its results, in their row, or anywhere.
  enum class Reach { same, row, anywhere };
  struct Input {
    Value value;
    Reach reach;
  };
  struct Group {
    mlir::Operation *anchor = nullptr;
    Value main;                     // the first result; those of other shapes are the anchor's own
    SmallVector<Value> results;     // stored values
    llvm::SetVector<int64_t> users; // groups that read them
    SmallVector<Input> inputs;
  };

  Partition(mlir::func::FuncOp function, const Target &target);

  /// Replaces the function's ops by launches of new kernels, put before `function`.
  void outline();

private:
  struct Chain {
    int64_t cost = 0;
    mlir::Operation *anchor = nullptr;
    DimsAttr row; // the shape whose rows are summed on the way
  };

  static bool isPoint(Value value);
  bool packsProduct(mlir::Operation *op) const;
  void chooseLayouts();
  void chooseInternal();
  void chooseStored();
  void feedAnchor(mlir::Operation *anchor, Value operand);
  void feedPoint(mlir::Operation *op);
  void feedRowSum(mlir::Operation *op);
  void feedMemory(mlir::OpOperand &operand);
  void store(Value value);
  void storeForKernels(Value value);
  Chain chainOf(Value value) const;
  bool isAnchor(mlir::Operation *op) const { return op->hasTrait<Anchor>() && !rowSums.contains(op); }
  void formGroups();
  void sumInRows(SumOp sum);
  Reach reachOf(mlir::OpOperand &operand, Reach ofResult) const;
  void inputsOf(Value value, Reach reach, llvm::SmallVectorImpl<Input> &inputs, bool root);
  mlir::Operation *anchorIn(Value value, bool root);
  bool sumsRows(Value value, bool root) const;
  bool fits(Value root, bool rows, const Group &group) const;
  int64_t groupToJoin(Value root, ArrayRef<Input> inputs);
  void addToGroup(int64_t index, Value root, ArrayRef<Input> inputs);
  bool reaches(int64_t from, int64_t to) const;
  SmallVector<int64_t> order() const;
  void rematerialize();
  bool sourcesOf(Value value, llvm::SmallVectorImpl<Input> &inputs);
  bool canHost(const Group &group, Value value, ArrayRef<Input> inputs) const;
  std::optional<SmallVector<int64_t>> lateReaders(Value value, int64_t host, ArrayRef<int64_t> position) const;
  void redirect(Value from, Value to, const llvm::DenseSet<mlir::Operation *> &readers);

  friend class Outliner;

  mlir::func::FuncOp function;
  const Target &target;
  llvm::DenseMap<Value, DimsAttr> layouts;
  StridedViews views;
  llvm::DenseMap<Value, Chain> chains;                           // of values that stay inside a kernel
  llvm::DenseSet<mlir::Operation *> rowSums;                     // that stay inside a kernel
  llvm::DenseSet<Value> stored;                                  // point values with a buffer
  llvm::DenseSet<Value> memory;                                  // values that a store or return took
  llvm::DenseMap<mlir::Operation *, SmallVector<Input>> pending; // what each anchor reads
  std::vector<Group> groups;
  llvm::DenseMap<Value, int64_t> groupOf;
};

} // namespace fovea
