// Cuts a function into kernels: an anchor with the point ops around it, or point ops alone. Decides which values are
// stored in buffers, groups the rest around them, and outlines each group.
#include "lib/kernels/Partition.h"

#include "dialect/ops/RowSum.h"
#include "lib/kernels/PointCost.h"
#include "lib/kernels/schedule/Schedule.h"

#include <set>

using namespace mlir;

namespace fovea {

/// Recomputing a value for several kernels pays up to about this many additions for each element.
constexpr int64_t recomputeBudget = 6;

bool Partition::isPoint(Value value) {
  Operation *op = value.getDefiningOp();
  return op && op->hasTrait<Point>();
}

static DimsAttr shapeOf(Value value) { return dimsOf(typeOf(value)); }

/// What a value of low precision is stored as: itself, where the value is it widened; else null.
static Value narrowOf(Value value) {
  auto cast = value.getDefiningOp<CastOp>();
  return cast && isLowPrecision(cast.getX().getType().getElementType()) ? cast.getX() : Value();
}

/// The ops that read a value, also through views of it.
static void collectUsers(Value value, llvm::SmallSetVector<Operation *, 8> &users) {
  for (Operation *user : value.getUsers())
    if (user->hasTrait<View>() && user->getNumOperands() == 1)
      collectUsers(user->getResult(0), users);
    else
      users.insert(user);
}

/// Anchors that read each element once or a few times, so that what feeds them may be computed in place.
static bool readsOnce(Operation *anchor) {
  return isa<SumOp, ProdOp, MaxOp, ArgmaxOp, CumsumOp, SoftmaxOp, LogSoftmaxOp, LogSumExpOp, CrossEntropyOp, FoldOp>(
      anchor);
}

/// Anchors that write their first result in an order of their own: nothing goes on from it in their kernel.
static bool writesDirectly(Operation *anchor) { return isa<AttentionGradOp, AttentionMapOp, ScatterOp>(anchor); }

/// Rows that stay near while they are gone through several times.
static bool hasShortRows(RankedTensorType type) {
  constexpr int64_t longest = 1 << 14;
  int64_t width = type.getRank() ? type.getShape().back() : 1;
  return !ShapedType::isDynamic(width) && width > 1 && width <= longest;
}

/// A sum along rows that one op reads at every element of its row: it can be computed where that op is.
static bool readsOwnRow(Operation *op) {
  return canBeRowSum(op) && op->hasOneUse() && hasShortRows(typeOf(op->getOperand(0))) &&
         op->user_begin()->hasTrait<Elementwise>();
}

/// A row's statistic, read at the elements of its row.
static bool isStatisticOf(Value statistic, Value rows) {
  Operation *op = statistic.getDefiningOp();
  return op && isRowAnchor(op) && statistic != op->getResult(0) && shapeOf(op->getResult(0)) == shapeOf(rows);
}

//===-- Which values are stored -----------------------------------------------------------------------------------===//

void Partition::chooseStored() {
  for (Operation &op : function.front()) {
    if (readsOwnRow(&op))
      feedRowSum(&op);
    else if (op.hasTrait<Anchor>())
      for (Value operand : op.getOperands()) feedAnchor(&op, operand);
    else if (op.hasTrait<Point>())
      feedPoint(&op);
    else if (isa<StoreOp, func::ReturnOp>(op))
      for (OpOperand &operand : op.getOpOperands()) feedMemory(operand);
  }
}

/// What a value's unstored chain of point ops costs, and the anchor whose result it goes on from.
Partition::Chain Partition::chainOf(Value value) const {
  if (stored.contains(value)) return {};
  return chains.lookup(value);
}

/// The weight of a product, kept in the panels that the product reads.
static bool isPackedWeight(Operation *anchor, Value operand) {
  auto matmul = dyn_cast<MatmulOp>(anchor);
  return matmul && operand == matmul.getB() && operand.getDefiningOp<UnpackOp>();
}

void Partition::feedAnchor(Operation *anchor, Value operand) {
  if (isPackedWeight(anchor, operand)) return;
  // Low precision is stored as it is, and widened where it is read.
  if (Value narrow = narrowOf(operand)) return feedAnchor(anchor, narrow);
  Chain chain = chainOf(operand);
  bool plainView = !isPoint(views.root(operand)) || stored.contains(views.root(operand));
  if (plainView && views.of(operand)) return;
  if (readsOnce(anchor) && !chain.anchor && !chain.row) return;
  if (isa_and_nonnull<ConstantOp>(views.root(operand).getDefiningOp())) return;
  // A view of a computed value: store the value where strides can give the view, else the view itself.
  storeForKernels(views.of(operand) ? views.root(operand) : operand);
}

/// The sum stays inside the kernel of what reads it; its element is computed there too.
void Partition::feedRowSum(Operation *op) {
  constexpr int64_t cost = 8;
  rowSums.insert(op);
  Value x = op->getOperand(0);
  feedAnchor(op, x);
  chains[op->getResult(0)] = {chainOf(x).cost + cost, nullptr, shapeOf(x)};
}

/// A product's tiles can be stored as panels of columns that its register tiles fill.
bool Partition::packsProduct(Operation *op) const {
  auto pack = dyn_cast<PackOp>(op);
  auto matmul = pack ? pack.getX().getDefiningOp<MatmulOp>() : MatmulOp();
  if (!matmul || matmul.getType().getRank() != 2 || pack.getPanels().getAxis() != 1) return false;
  if (isPackedWeight(matmul, matmul.getB())) return false; // has tiles of its own
  int64_t columns = matmul.getType().getDimSize(1), bits = matmul.getType().getElementTypeBitWidth();
  return pack.getPanels().getSize() % panelColumns(columns, bits, target) == 0;
}

void Partition::feedPoint(Operation *op) {
  Value result = op->getResult(0);
  Chain chain;
  chain.cost = isa<RandomUniformOp>(op) ? 0 : pointCost(op); // drawn again rather than stored
  // Sums of rows fit into one kernel with what has the shape of these rows or of the sums.
  for (Value operand : op->getOperands()) {
    Chain input = chainOf(operand);
    if (!input.row) continue;
    bool fits = op->hasTrait<Elementwise>() && (!chain.row || chain.row == input.row) &&
                (shapeOf(result) == input.row || shapeOf(result) == shapeOf(operand));
    fits ? void(chain.row = input.row) : storeForKernels(operand);
  }
  if (chain.row)
    for (Value operand : op->getOperands())
      if (chainOf(operand).anchor) storeForKernels(operand);
  for (Value operand : op->getOperands()) {
    Chain input = chainOf(operand);
    if (input.anchor && packsProduct(op)) {
      chain.anchor = input.anchor;
      continue;
    }
    bool inPlace = op->hasTrait<Elementwise>() && shapeOf(operand) == shapeOf(result);
    if (input.anchor && (!inPlace || (chain.anchor && chain.anchor != input.anchor))) {
      // The later anchor keeps its chain: the other's value is stored.
      if (inPlace && chain.anchor->isBeforeInBlock(input.anchor)) {
        for (Value other : op->getOperands())
          if (chainOf(other).anchor == chain.anchor) storeForKernels(other);
        chain.anchor = input.anchor;
      } else {
        storeForKernels(operand);
        continue;
      }
    }
    if (input.anchor) chain.anchor = input.anchor;
    chain.cost += input.cost;
  }
  chains[result] = chain;
  if (op->hasTrait<View>() && op->getNumOperands() == 1) return;
  llvm::SmallSetVector<Operation *, 8> users;
  collectUsers(result, users);
  if (users.size() > 1 && (chain.anchor || chain.cost * (int64_t)(users.size() - 1) > recomputeBudget))
    storeForKernels(result);
}

/// A stored or returned value has a buffer of its own, row-major: views, loads and arguments are copied into one.
void Partition::feedMemory(OpOperand &operand) {
  Value value = operand.get();
  Operation *op = value.getDefiningOp();
  if (memory.contains(value) && isa<BroadcastOp>(op) && op->getOperand(0).getDefiningOp<ConstantOp>()) {
    // A constant is written again rather than copied.
    value = OpBuilder(operand.getOwner()).clone(*op)->getResult(0);
    operand.set(value);
  } else if (!op || isa<LoadOp>(op) || memory.contains(value)) {
    OpBuilder builder(operand.getOwner());
    value = BroadcastOp::create(builder, operand.getOwner()->getLoc(), value.getType(), value);
    operand.set(value);
  }
  store(value);
  memory.insert(value);
}

/// Stores a value for kernels: low precision as it is, since to widen it again costs nothing.
void Partition::storeForKernels(Value value) {
  Value narrow = narrowOf(value);
  store(narrow ? narrow : value);
  if (narrow) chains[value] = {};
}

void Partition::store(Value value) {
  if (isPoint(value)) stored.insert(value);
  rowSums.erase(value.getDefiningOp()); // a stored one is an anchor
  chains.erase(value);
}

/// An anchor's first result stays inside its kernel if one point op of the same shape alone reads it, or packs it.
void Partition::chooseInternal() {
  for (Operation &op : function.front()) {
    if (!op.hasTrait<Anchor>()) continue;
    Value result = op.getResult(0);
    bool internal = result.hasOneUse() && !writesDirectly(&op) &&
                    llvm::all_of(llvm::drop_begin(op.getResults()), [](Value side) { return side.use_empty(); });
    if (internal) {
      Operation *user = *result.user_begin();
      bool sameShape = user->getNumResults() == 1 && shapeOf(user->getResult(0)) == shapeOf(result);
      internal = packsProduct(user) || (user->hasTrait<Elementwise>() && sameShape);
    }
    if (internal) chains[result] = {0, &op};
  }
}

//===-- Layouts ---------------------------------------------------------------------------------------------------===//

/// Where attention's results are only read transposed, they are stored that way, so that the transpose is a view.
void Partition::chooseLayouts() {
  for (Operation &op : function.front()) {
    if (!isa<AttentionOp, AttentionGradOp>(op)) continue;
    for (Value result : op.getResults()) {
      if (result.hasOneUse() && isa<CastOp>(*result.user_begin())) result = result.user_begin()->getResult(0);
      TransposeOp transpose;
      bool same = !result.use_empty();
      for (Operation *user : result.getUsers()) {
        auto other = dyn_cast<TransposeOp>(user);
        // The gradient's delta reads attention's result once more, in any order.
        if (!other && isa<MulOp>(user)) continue;
        same &= other && (!transpose || transpose.getPermutation() == other.getPermutation());
        if (other) transpose = other;
      }
      if (!same || !transpose) continue;
      Shapes shapes(op.getContext());
      auto stored = shapes.of(rowMajorStrides(transpose.getType()));
      SmallVector<AffineExpr> strides(stored.size());
      for (auto [d, from] : llvm::enumerate(transpose.getPermutation())) strides[from] = stored[d];
      layouts[result] = shapes.dims(strides);
    }
  }
}

//===-- Groups ----------------------------------------------------------------------------------------------------===//

/// Where an operand is read by what reads its op's result there.
Partition::Reach Partition::reachOf(OpOperand &operand, Reach ofResult) const {
  Operation *op = operand.getOwner();
  Value result = op->getResult(0);
  bool elementwise = op->hasTrait<Elementwise>();
  if (elementwise && (shapeOf(operand.get()) == shapeOf(result) || isStatisticOf(operand.get(), result)))
    return ofResult;
  return elementwise || rowSums.contains(op) ? std::max(ofResult, Reach::row) : Reach::anywhere;
}

/// Stored values that `value` is computed from.
void Partition::inputsOf(Value value, Reach reach, SmallVectorImpl<Input> &inputs, bool root) {
  Operation *op = value.getDefiningOp();
  bool outside =
      !op || isa<LoadOp>(op) || (!root && stored.contains(value)) || (op->hasTrait<Anchor>() && !chains.count(value));
  if (outside) {
    inputs.push_back({value, reach});
    return;
  }
  for (OpOperand &operand : op->getOpOperands()) inputsOf(operand.get(), reachOf(operand, reach), inputs, false);
}

bool Partition::reaches(int64_t from, int64_t to) const {
  llvm::SetVector<int64_t> seen;
  seen.insert(from);
  for (size_t index = 0; index < seen.size(); ++index)
    for (int64_t next : groups[seen[index]].users) seen.insert(next);
  return seen.contains(to);
}

/// Whether sums of rows are computed on the way to `value`.
bool Partition::sumsRows(Value value, bool root) const {
  Operation *op = value.getDefiningOp();
  if (!op || (!root && stored.contains(value))) return false;
  if (rowSums.contains(op)) return true;
  return op->hasTrait<Point>() &&
         llvm::any_of(op->getOperands(), [&](Value operand) { return sumsRows(operand, false); });
}

/// Whether a group can have one more result, maybe one on whose way rows are summed, or such a sum itself.
bool Partition::fits(Value root, bool rows, const Group &group) const {
  bool sum = rowSums.contains(root.getDefiningOp());
  DimsAttr shape = shapeOf(sum ? root.getDefiningOp()->getOperand(0) : root);
  bool goesThroughRows = group.anchor && isRowAnchor(group.anchor);
  bool rowsFit = goesThroughRows || (!sum && !(rows && group.anchor));
  return group.main && rowsFit && shapeOf(group.main) == shape && group.results.size() < 6 &&
         (!group.anchor || !(isa<AttentionOp>(group.anchor) || writesDirectly(group.anchor)));
}

/// The group that can compute `root` beside its own results: of the same shape, and not in need of its own users.
int64_t Partition::groupToJoin(Value root, ArrayRef<Input> inputs) {
  bool rows = sumsRows(root, true);
  // An anchor has not yet what it would be asked for anywhere, or another task has it.
  auto safe = [&](int64_t group) {
    return llvm::all_of(inputs, [&](Input input) {
      auto other = groupOf.find(input.value);
      if (other == groupOf.end()) return true;
      return other->second == group ? !groups[group].anchor || input.reach != Reach::anywhere
                                    : !reaches(group, other->second);
    });
  };
  for (auto [value, reach] : llvm::reverse(inputs)) {
    auto group = groupOf.find(value);
    if (reach == Reach::same && group != groupOf.end() && fits(root, rows, groups[group->second]) &&
        safe(group->second))
      return group->second;
  }
  // What reads the same state, or is stored over what a group reads, joins that group: an optimizer's update is one
  // kernel.
  llvm::SmallDenseSet<Attribute> states;
  for (auto [value, reach] : inputs)
    if (auto load = value.getDefiningOp<LoadOp>(); load && reach == Reach::same) states.insert(load.getStateAttr());
  for (Operation *user : root.getUsers())
    if (auto store = dyn_cast<StoreOp>(user)) states.insert(store.getStateAttr());
  for (int64_t group = (int64_t)groups.size() - 1; group >= 0; --group)
    if (fits(root, rows, groups[group]) && safe(group) && llvm::any_of(groups[group].inputs, [&](Input input) {
          auto load = input.value.getDefiningOp<LoadOp>();
          return load && input.reach == Reach::same && states.contains(load.getStateAttr());
        }))
      return group;
  return -1;
}

void Partition::addToGroup(int64_t index, Value root, ArrayRef<Input> inputs) {
  Group &group = groups[index];
  // Sums of rows and what an anchor gives beside its first result come last: the provider makes one Func of those of
  // the main shape.
  auto isBeside = [&](Value value) {
    return rowSums.contains(value.getDefiningOp()) ||
           (value.getDefiningOp() == group.anchor && cast<OpResult>(value).getResultNumber() > 0);
  };
  group.results.insert(isBeside(root) ? group.results.end() : llvm::find_if(group.results, isBeside), root);
  if (!group.main) group.main = root;
  groupOf[root] = index;
  for (Input input : inputs) {
    group.inputs.push_back(input);
    auto other = groupOf.find(input.value);
    if (other != groupOf.end() && other->second != index) groups[other->second].users.insert(index);
  }
}

/// A sum of all elements, where a group goes through their rows: a sum of each row there, then the sum of these.
void Partition::sumInRows(SumOp sum) {
  RankedTensorType type = sum.getX().getType();
  int64_t rank = type.getRank();
  bool all = (int64_t)sum.getAxes().size() == rank && !sum.getKeep();
  if (!all || rank < 2 || !hasShortRows(type) || isLowPrecision(type.getElementType())) return;
  OpBuilder builder(sum);
  auto rows = SumOp::create(builder, sum.getLoc(), sum.getX(), ArrayRef<int64_t>{rank - 1}, true);
  rowSums.insert(rows);
  SmallVector<Input> inputs;
  inputsOf(sum.getX(), Reach::same, inputs, false);
  int64_t group = groupToJoin(rows, inputs);
  if (group < 0) {
    rowSums.erase(rows);
    return rows.erase();
  }
  addToGroup(group, rows, inputs);
  Shapes shapes(builder.getContext());
  RankedTensorType flat = shapes.tensor({shapes.product(shapes.of(rows))}, type.getElementType());
  sum.getXMutable().assign(ReshapeOp::create(builder, sum.getLoc(), flat, rows));
  sum.setAxes({0});
}

void Partition::formGroups() {
  llvm::DenseMap<Operation *, int64_t> anchorGroup;
  for (Operation &op : function.front()) {
    if (auto sum = dyn_cast<SumOp>(op)) sumInRows(sum);
    if (isAnchor(&op)) {
      SmallVector<Input> inputs;
      for (Value operand : op.getOperands()) inputsOf(operand, Reach::anywhere, inputs, false);
      anchorGroup[&op] = groups.size();
      groups.emplace_back().anchor = &op;
      for (Value result : op.getResults())
        if (!chains.count(result) && (!result.use_empty() || result == op.getResult(0)))
          addToGroup(groups.size() - 1, result, inputs);
      pending[&op] = inputs;
    } else if (op.getNumResults() == 1 && stored.contains(op.getResult(0))) {
      Value root = op.getResult(0);
      SmallVector<Input> inputs;
      inputsOf(root, Reach::same, inputs, true);
      Operation *anchor = anchorIn(root, true);
      int64_t group = anchor ? anchorGroup[anchor] : groupToJoin(root, inputs);
      if (group < 0) {
        group = groups.size();
        groups.emplace_back();
      }
      if (anchor) inputs.append(pending[anchor]);
      addToGroup(group, root, inputs);
    }
  }
}

/// The anchor whose internal result the chain of `value` goes on from.
Operation *Partition::anchorIn(Value value, bool root) {
  Operation *op = value.getDefiningOp();
  if (!op || (!root && stored.contains(value))) return nullptr;
  if (isAnchor(op)) return chains.count(value) ? op : nullptr;
  if (!op->hasTrait<Point>() && !rowSums.contains(op)) return nullptr;
  for (Value operand : op->getOperands())
    if (Operation *anchor = anchorIn(operand, false)) return anchor;
  return nullptr;
}

SmallVector<int64_t> Partition::order() const {
  SmallVector<int64_t> result;
  SmallVector<int64_t> waiting(groups.size(), 0);
  for (const Group &group : groups)
    for (int64_t user : group.users) ++waiting[user];
  // A group comes as soon as its inputs are there, in the order of the program.
  std::set<int64_t> ready;
  for (auto [index, count] : llvm::enumerate(waiting))
    if (!count) ready.insert(index);
  while (!ready.empty()) {
    int64_t index = *ready.begin();
    ready.erase(ready.begin());
    result.push_back(index);
    for (int64_t user : groups[index].users)
      if (--waiting[user] == 0) ready.insert(user);
  }
  assert(result.size() == groups.size() && "groups depend on each other in a circle");
  return result;
}

Partition::Partition(func::FuncOp function, const Target &target)
    : function(function), target(target),
      views(
          function.getContext(), [this](Value value) { return layouts.lookup(value); },
          [this](Value value) { return stored.contains(value); }) {
  chooseLayouts();
  chooseInternal();
  chooseStored();
  formGroups();
  rematerialize();
}

} // namespace fovea
