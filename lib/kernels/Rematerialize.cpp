// Values that are cheap to compute and long out of use, such as those that the forward part of a training step keeps
// for the backward part, are computed again instead of kept: by a kernel that reads what they are computed from anyway.
#include "lib/kernels/Partition.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace fovea {

/// So many launches must lie between the uses of a value that is computed again.
constexpr int64_t longGap = 8;

static bool isNorm(Operation *op) { return isa<LayerNormOp, RmsNormOp>(op); }

/// What has its place during the whole call.
static bool isAlwaysThere(Value value) {
  Operation *op = value.getDefiningOp();
  return !op || isa<LoadOp, ConstantOp, SizeOp>(op);
}

/// The stored values that `value` is computed from again. False for what is dear to compute, or has to be in memory in
/// any case.
bool Partition::sourcesOf(Value value, SmallVectorImpl<Input> &inputs) {
  Operation *op = value.getDefiningOp();
  if (memory.contains(value)) return false;
  if (!isNorm(op)) {
    if (!isPoint(value) || anchorIn(value, true) || sumsRows(value, true)) return false;
    inputsOf(value, Reach::same, inputs, true);
    return true;
  }
  // A norm is a product and a sum once its statistics are known.
  if (value != op->getResult(0)) return false;
  inputsOf(op->getOperand(0), Reach::same, inputs, false);
  for (Value vector : llvm::drop_begin(op->getOperands())) inputsOf(vector, Reach::anywhere, inputs, false);
  for (Value statistic : llvm::drop_begin(op->getResults())) inputs.push_back({statistic, Reach::row});
  return true;
}

/// The ops that compute a value again.
static Value computeAgain(Value value) {
  Operation *op = value.getDefiningOp();
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  Location location = op->getLoc();
  auto times = [&](Value a, Value b) -> Value { return MulOp::create(builder, location, a, b); };
  if (auto norm = dyn_cast<LayerNormOp>(op)) {
    Value apart = SubOp::create(builder, location, norm.getX(), norm.getMean());
    return AddOp::create(builder, location, times(times(apart, norm.getRstd()), norm.getScale()), norm.getBias());
  }
  if (auto norm = dyn_cast<RmsNormOp>(op)) return times(times(norm.getX(), norm.getRstd()), norm.getScale());
  return builder.clone(*op)->getResult(0);
}

/// Whether a group can compute `value` without reading more of memory.
bool Partition::canHost(const Group &group, Value value, ArrayRef<Input> inputs) const {
  if (!fits(value, false, group) || llvm::is_contained(group.results, value)) return false;
  auto reads = [&](Input input) {
    return llvm::any_of(group.inputs, [&](Input own) {
      return own.value == input.value && (own.reach == Reach::same || input.reach != Reach::same);
    });
  };
  auto isThere = [&](Input input) {
    if (group.anchor && input.reach == Reach::anywhere && llvm::is_contained(group.results, input.value)) return false;
    return reads(input) || (input.reach != Reach::same && isAlwaysThere(input.value));
  };
  return llvm::any_of(inputs, [&](Input input) { return input.reach == Reach::same && reads(input); }) &&
         llvm::all_of(inputs, isThere);
}

/// The groups that would read `value` as `host` computes it: anchors that can wait for it. None if the value is in use
/// shortly before.
std::optional<SmallVector<int64_t>> Partition::lateReaders(Value value, int64_t host,
                                                           ArrayRef<int64_t> position) const {
  SmallVector<int64_t> late;
  bool early = false;
  for (auto [index, group] : llvm::enumerate(groups)) {
    if (llvm::none_of(group.inputs, [&](Input input) { return input.value == value; })) continue;
    if (position[index] + longGap <= position[host]) {
      early = true;
      continue;
    }
    bool direct = group.anchor && llvm::any_of(group.anchor->getOperands(),
                                               [&](Value operand) { return views.root(operand) == value; });
    if (!direct || reaches(index, host)) return std::nullopt;
    late.push_back(index);
  }
  if (!early || late.empty()) return std::nullopt;
  return late;
}

/// Lets some readers of a value, maybe through views, read another.
void Partition::redirect(Value from, Value to, const llvm::DenseSet<Operation *> &readers) {
  for (OpOperand &use : llvm::make_early_inc_range(from.getUses())) {
    Operation *user = use.getOwner();
    if (readers.contains(user)) {
      use.set(to);
    } else if (user->hasTrait<View>() && user->getNumOperands() == 1) {
      OpBuilder builder(user);
      IRMapping mapping;
      mapping.map(from, to);
      redirect(user->getResult(0), builder.clone(*user, mapping)->getResult(0), readers);
    }
  }
}

void Partition::rematerialize() {
  SmallVector<int64_t> position(groups.size());
  for (auto [at, index] : llvm::enumerate(order())) position[index] = at;
  SmallVector<Value> values;
  for (Operation &op : function.front())
    if (op.getNumResults() && groupOf.count(op.getResult(0))) values.push_back(op.getResult(0));
  for (Value value : values) {
    SmallVector<Input> inputs;
    if (!sourcesOf(value, inputs)) continue;
    for (auto [host, group] : llvm::enumerate(groups)) {
      if (!canHost(group, value, inputs)) continue;
      auto late = lateReaders(value, host, position);
      if (!late) continue;
      Value again = computeAgain(value);
      stored.insert(again);
      addToGroup(host, again, inputs);
      llvm::DenseSet<Operation *> readers;
      for (int64_t reader : *late) {
        groups[host].users.insert(reader);
        readers.insert(groups[reader].anchor);
      }
      redirect(value, again, readers);
      break;
    }
  }
}

} // namespace fovea
