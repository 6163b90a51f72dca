// Outlines the groups of a partition: each becomes a fovea.kernel, and the function a list of launches.
#include "lib/kernels/Partition.h"

#include "dialect/ops/RowSum.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace fovea {

/// Builds one kernel: clones what its results are computed from, down to values that other kernels or the caller store.
class Outliner {
public:
  Outliner(Partition &partition, const Partition::Group &group, StringRef name)
      : partition(partition), group(group), name(name), builder(partition.function.getContext()) {}

  KernelOp build() {
    MLIRContext *context = builder.getContext();
    Location location = (group.anchor ? group.anchor : group.results[0].getDefiningOp())->getLoc();
    body = new Block();
    builder.setInsertionPointToEnd(body);
    SmallVector<Value> results;
    for (Value result : group.results) results.push_back(inside(result));
    YieldOp::create(builder, location, results);
    builder.setInsertionPoint(partition.function);
    auto type = FunctionType::get(context, body->getArgumentTypes(), TypeRange(results));
    auto kernel = KernelOp::create(builder, location, name, type, ScheduleAttr(), ArrayAttr(), ArrayAttr());
    kernel.getBody().push_back(body);
    setLayouts(kernel);
    return kernel;
  }

  ArrayRef<Value> arguments() const { return outside; }

private:
  bool isOwn(Value value) const { return llvm::is_contained(group.results, value); }

  /// Whether the caller holds this value in a buffer, maybe as a view.
  bool isOutside(Value value) {
    Value root = partition.views.root(value);
    Operation *op = root.getDefiningOp();
    bool held = !op || isa<LoadOp>(op) || partition.groupOf.count(root);
    if (partition.groupOf.count(value) && !isOwn(value)) return true;
    return held && !isOwn(root) && !isOwn(value) && partition.views.of(value);
  }

  Value inside(Value value) {
    if (Value known = mapping.lookupOrNull(value)) return known;
    if (isOutside(value)) {
      outside.push_back(value);
      Value argument = body->addArgument(value.getType(), value.getLoc());
      mapping.map(value, argument);
      return argument;
    }
    Operation *op = value.getDefiningOp();
    for (Value operand : op->getOperands()) inside(operand);
    Operation *copy = builder.clone(*op, mapping);
    if (partition.rowSums.contains(op)) copy->setAttr(rowSumAttribute, builder.getUnitAttr());
    return mapping.lookup(value);
  }

  void setLayouts(KernelOp kernel) {
    for (auto [index, value] : llvm::enumerate(outside)) {
      StridedView view = *partition.views.of(value);
      DimsAttr strides = partition.views.shapes.dims(view.strides);
      if (strides != rowMajorStrides(cast<RankedTensorType>(value.getType())))
        kernel.setArgAttr(index, "fovea.strides", strides);
    }
    for (auto [index, value] : llvm::enumerate(group.results))
      if (DimsAttr strides = partition.layouts.lookup(value)) kernel.setResultAttr(index, "fovea.strides", strides);
  }

  Partition &partition;
  const Partition::Group &group;
  std::string name;
  OpBuilder builder;
  Block *body = nullptr;
  IRMapping mapping;
  SmallVector<Value> outside;
};

/// Clones a chain of views in front of the launches, on the values that the launches made.
static Value cloneViews(OpBuilder &builder, Value value, IRMapping &mapping) {
  if (Value known = mapping.lookupOrNull(value)) return known;
  Operation *op = value.getDefiningOp();
  if (op && op->hasTrait<View>()) {
    cloneViews(builder, op->getOperand(0), mapping);
    builder.clone(*op, mapping);
    return mapping.lookup(value);
  }
  return value;
}

void Partition::outline() {
  auto module = function->getParentOfType<ModuleOp>();
  SymbolTable symbols(module);
  llvm::StringMap<KernelOp> known;
  for (KernelOp kernel : module.getOps<KernelOp>()) known[kernel.text()] = kernel;

  Operation *terminator = function.front().getTerminator();
  SmallVector<Operation *> old;
  for (Operation &op : function.front())
    if (!isa<LoadOp, StoreOp>(op) && &op != terminator) old.push_back(&op);
  OpBuilder builder(terminator);
  // Stores come last, so that every launch stands before them.
  SmallVector<Operation *> stores;
  for (StoreOp store : function.front().getOps<StoreOp>()) stores.push_back(store);
  for (Operation *store : stores) store->moveBefore(terminator);
  if (!stores.empty()) builder.setInsertionPoint(stores.front());

  IRMapping mapping;
  for (int64_t index : order()) {
    const Group &group = groups[index];
    StringRef what = group.anchor ? group.anchor->getName().stripDialect() : "point";
    Outliner outliner(*this, group, (what + "_" + Twine(known.size())).str());
    KernelOp kernel = outliner.build();
    auto [at, fresh] = known.try_emplace(kernel.text(), kernel);
    if (!fresh) kernel.erase();
    SmallVector<Value> arguments;
    for (Value argument : outliner.arguments()) arguments.push_back(cloneViews(builder, argument, mapping));
    SmallVector<Type> types;
    for (Value result : group.results) types.push_back(result.getType());
    Location location = (group.anchor ? group.anchor : group.results[0].getDefiningOp())->getLoc();
    auto launch = LaunchOp::create(builder, location, types, at->second.getSymName(), arguments, ValueRange());
    for (auto [result, made] : llvm::zip(group.results, launch.getResults())) mapping.map(result, made);
  }
  stores.push_back(terminator);
  for (Operation *user : stores)
    for (OpOperand &operand : user->getOpOperands()) operand.set(cloneViews(builder, operand.get(), mapping));
  for (Operation *op : llvm::reverse(old)) {
    op->dropAllUses();
    op->erase();
  }
}

} // namespace fovea
