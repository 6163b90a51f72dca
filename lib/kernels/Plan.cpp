// Places buffers: first fit over lifetimes, for constant sizes and for sizes per item of the batch apart.
#include "lib/kernels/Plan.h"
#include "lib/kernels/InPlace.h"
#include "lib/kernels/JoinResults.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace fovea {

static int64_t alignUp(int64_t bytes) { return llvm::alignTo(bytes, bufferAlignment); }

int64_t elementBytes(Type element) { return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8); }

/// What a parameter's update depends on beside its values: how it is trained, and whether its gradient lies alike.
static std::string ruleOf(StateOp parameter, StateOp gradient) {
  std::string text;
  llvm::raw_string_ostream(text) << parameter.getFrozen() << parameter.getDecay() << ' ' << parameter.getRate() << ' '
                                 << parameter.getTensor().getElementType()
                                 << (gradient && gradient.getPanels() == parameter.getPanels());
  return text;
}

void planState(ModuleOp module) {
  SymbolTable symbols(module);
  llvm::MapVector<StringRef, int64_t> kinds;
  llvm::StringMap<int64_t> rules;
  std::vector<std::tuple<int64_t, int64_t, StateOp>> order;
  for (StateOp state : module.getOps<StateOp>()) {
    // What belongs to a parameter is named KIND/PARAMETER.
    StringRef kind = state.getRole(), name = state.getSymName();
    if (kind == "gradient" || kind == "optimizer") std::tie(kind, name) = name.split('/');
    auto parameter = symbols.lookup<StateOp>(name);
    int64_t rule = 0;
    if (parameter && parameter.getRole() == "parameter")
      rule = rules.try_emplace(ruleOf(parameter, symbols.lookup<StateOp>(("gradient/" + name).str())), rules.size())
                 .first->second;
    order.push_back({kinds.insert({kind, (int64_t)kinds.size()}).first->second, rule, state});
  }
  llvm::stable_sort(order, [](auto &a, auto &b) {
    return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
  });
  int64_t offset = 0;
  for (auto &[kind, rule, state] : order) {
    state.setOffset(offset);
    offset += alignUp(state.getStorage().getNumElements() * elementBytes(state.getTensor().getElementType()));
  }
  module->setAttr("fovea.state_bytes", Builder(module).getI64IntegerAttr(offset));
}

namespace {

/// A value's bytes are at most constant + per_item * items, where items is the product of the symbols in use.
struct Bytes {
  int64_t constant = 0, perItem = 0;
};

/// First fit of intervals of time and space.
class Region {
public:
  int64_t place(int64_t bytes, int64_t begin, int64_t end) {
    int64_t offset = 0;
    // Placed ones are kept by offset, so one sweep finds the lowest gap.
    for (const Placed &other : placed) {
      if (other.end < begin || end < other.begin) continue;
      if (offset + bytes <= other.offset) break;
      offset = std::max(offset, other.offset + other.bytes);
    }
    Placed fresh{offset, bytes, begin, end};
    placed.insert(llvm::upper_bound(placed, fresh, [](auto &a, auto &b) { return a.offset < b.offset; }), fresh);
    size = std::max(size, offset + bytes);
    return offset;
  }
  int64_t size = 0;

private:
  struct Placed {
    int64_t offset, bytes, begin, end;
  };
  std::vector<Placed> placed;
};

class FunctionPlan {
public:
  explicit FunctionPlan(func::FuncOp function)
      : function(function), shapes(function.getContext()),
        views(
            function.getContext(), [this](Value base) { return layoutOf(base); }, [](Value) { return false; }) {
    for (KernelOp kernel : function->getParentOfType<ModuleOp>().getOps<KernelOp>())
      kernels[kernel.getSymNameAttr()] = kernel;
  }

  LogicalResult run() {
    number();
    if (failed(chooseSymbol())) return failure();
    joinResults();
    takeResults();
    placeStores();
    reuseArguments();
    if (failed(placeArena())) return failure();
    rewrite();
    return success();
  }

private:
  struct Place {
    Value buffer; // an argument of the function, once it takes buffers
    FlatSymbolRefAttr state;
    int64_t offset = 0;
    bool perItem = false;
  };

  /// But for those that only join what others write in place.
  SmallVector<LaunchOp> launches() {
    return llvm::to_vector(
        llvm::make_filter_range(function.getOps<LaunchOp>(), [&](LaunchOp launch) { return !joins.contains(launch); }));
  }

  KernelOp kernelOf(LaunchOp launch) { return kernels.at(launch.getKernelAttr().getAttr()); }

  void number() {
    for (auto [index, launch] : llvm::enumerate(launches())) time[launch] = index;
  }

  /// The one symbol that the sizes of this function's values are over.
  LogicalResult chooseSymbol() {
    for (Value argument : function.getArguments()) shapes.of(argument);
    function.walk([&](Operation *op) {
      for (Value value : op->getResults())
        if (auto type = dyn_cast<RankedTensorType>(value.getType())) shapes.of(type);
    });
    if (shapes.symbols().size() > 1)
      return function.emitError("the buffer plan carries one symbolic size, but this function has ")
             << shapes.symbols().size() << " ('" << shapes.symbols()[0].getValue() << "' and '"
             << shapes.symbols()[1].getValue() << "'): give all but one of them as numbers";
    return success();
  }

  /// Results that a launch would join to a value of the arena are parts of that.
  void joinResults() {
    for (LaunchOp launch : launches()) {
      if (launch.getNumResults() != 1 || lastUse(launch.getResult(0)) >= (int64_t)time.size()) continue;
      SmallVector<JoinedPart> found = joinedParts(launch, views, [&](LaunchOp launch) { return kernelOf(launch); });
      if (found.empty()) continue;
      joins.insert(launch);
      llvm::SetVector<Operation *> makers;
      for (const JoinedPart &part : found) {
        parts[part.result] = part.view;
        makers.insert(part.result.getOwner());
      }
      for (Operation *maker : makers) setLayouts(cast<LaunchOp>(maker));
    }
  }

  /// Gives a launch the form of its kernel whose results lie as its parts do.
  void setLayouts(LaunchOp launch) {
    SmallVector<Attribute> layouts;
    for (Value result : launch.getResults())
      layouts.push_back(parts.count(result) ? views.shapes.dims(parts.at(result).strides) : layoutOf(result));
    KernelOp kernel = kernelOf(launch), &form = forms[{kernel, Builder(launch).getArrayAttr(layouts)}];
    if (!form) {
      form = cast<KernelOp>(kernel->clone());
      form.setSymName((kernel.getSymName() + "_joined").str());
      for (auto [index, strides] : llvm::enumerate(layouts)) form.setResultAttr(index, "fovea.strides", strides);
      SymbolTable(function->getParentOfType<ModuleOp>()).insert(form, Block::iterator(kernel));
      kernels[form.getSymNameAttr()] = form;
    }
    launch.setKernel(form.getSymName());
  }

  /// Results become buffers that the caller passes.
  void takeResults() {
    Operation *terminator = function.front().getTerminator();
    for (auto [index, value] : llvm::enumerate(terminator->getOperands())) {
      auto type = cast<RankedTensorType>(value.getType());
      Value argument = function.front().addArgument(BufferType::get(value.getContext(), type, rowMajorStrides(type)),
                                                    value.getLoc());
      places[value].buffer = argument;
      resultAttributes.push_back(function.getResultAttrDict(index));
    }
  }

  int64_t lastRead(FlatSymbolRefAttr state) {
    int64_t last = -1;
    for (LoadOp load : function.getOps<LoadOp>())
      if (load.getStateAttr() == state) last = std::max(last, lastUse(load.getResult()));
    return last;
  }

  int64_t lastUse(Value value) {
    int64_t last = -1;
    for (Operation *user : value.getUsers())
      if (auto launch = dyn_cast<LaunchOp>(user))
        last = std::max(last, time.lookup(launch));
      else if (user->hasTrait<View>())
        last = std::max(last, lastUse(user->getResult(0)));
      else
        last = std::max<int64_t>(last, time.size()); // a store or the return
    return last;
  }

  /// A stored value is written straight into its state if nothing reads the old one afterwards: the launch that makes
  /// it is the last reader, and reads it in place or not at all.
  void placeStores() {
    for (StoreOp store : llvm::to_vector(function.getOps<StoreOp>())) {
      auto launch = store.getValue().getDefiningOp<LaunchOp>();
      int64_t at = time.lookup(launch), last = lastRead(store.getStateAttr());
      if (places.count(store.getValue()) || last > at || (last == at && !readsInPlace(launch, store))) {
        copied.push_back(store);
        continue;
      }
      places[store.getValue()].state = store.getStateAttr();
    }
  }

  /// Whether the launch can work in place: one argument is this state, read only at the result's own coordinates.
  bool readsInPlace(LaunchOp launch, StoreOp store) {
    auto kernel = kernelOf(launch);
    unsigned result = cast<OpResult>(store.getValue()).getResultNumber();
    SmallVector<unsigned> readers;
    for (auto [index, input] : llvm::enumerate(launch.getInputs())) {
      auto load = views.root(input).getDefiningOp<LoadOp>();
      if (load && load.getStateAttr() == store.getStateAttr()) readers.push_back(index);
    }
    if (readers.size() != 1 || !launch.getInputs()[readers[0]].getDefiningOp<LoadOp>()) return false;
    unsigned argument = readers[0];
    if (!canWorkInPlace(kernel, result, argument)) return false;
    inPlace[launch].push_back({result, argument});
    return true;
  }

  bool isReadByAllThreads(Value value) {
    return llvm::any_of(launches(), [&](LaunchOp launch) {
      return llvm::any_of(llvm::zip(launch.getInputs(), kernelOf(launch).getBody().getArguments()), [&](auto pair) {
        auto [input, argument] = pair;
        return views.root(input) == value && isReadByEachTask(argument);
      });
    });
  }

  /// A value of the arena that a launch is the last to read, at the coordinates where it writes, gives its place to the
  /// launch's first result. But for one that all threads have read: a store to a line that other processors' caches
  /// have too takes up to ten times as long as one to another place.
  void reuseArguments() {
    for (LaunchOp launch : launches()) {
      if (launch.getNumResults() == 0 || inPlace.count(launch)) continue;
      if (Value first = launch.getResult(0); places.count(first) || parts.count(first)) continue;
      auto kernel = kernelOf(launch);
      for (auto [argument, input] : llvm::enumerate(launch.getInputs())) {
        if (!input.getDefiningOp<LaunchOp>() || places.count(input) || lastUse(input) != time.lookup(launch)) continue;
        auto readers = llvm::count_if(launch.getInputs(), [&](Value other) { return views.root(other) == input; });
        if (readers != 1 || layoutOf(input) != layoutOf(launch.getResult(0)) || !canWorkInPlace(kernel, 0, argument) ||
            isReadByAllThreads(input))
          continue;
        inPlace[launch].push_back({0, (unsigned)argument});
        reused[launch.getResult(0)] = input;
        break;
      }
    }
  }

  /// The value whose place this one shares, maybe through several launches.
  Value owner(Value value) const {
    while (Value earlier = reused.lookup(value)) value = earlier;
    return value;
  }

  /// The value that a launch's result is, or that it is a part of.
  Value wholeOf(Value result) const {
    auto part = parts.find(result);
    return part == parts.end() ? result : part->second.base;
  }

  FailureOr<Bytes> bytesOf(Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    AffineExpr count = shapes.product(shapes.of(type));
    Bytes bytes;
    if (std::optional<int64_t> constant = constantSize(count)) {
      bytes.constant = alignUp(*constant * elementBytes(type.getElementType()));
      return bytes;
    }
    // Affine in the one symbol and growing with it, so the size at one item bounds each item's share.
    AffineExpr atOne = simplifyAffineExpr(count.replaceSymbols({shapes.one()}), 0, 0);
    AffineExpr atTwo = simplifyAffineExpr(count.replaceSymbols({shapes.constant(2)}), 0, 0);
    int64_t one = *constantSize(atOne), two = *constantSize(atTwo);
    if (shapes.normal(shapes.constant(two - one) * getAffineSymbolExpr(0, type.getContext()) + (2 * one - two)) !=
        count)
      return function.emitError("the buffer plan needs sizes that grow evenly with '")
                 << shapes.symbols()[0].getValue() << "', but a value has " << shapes.text(count) << " elements",
             failure();
    bytes.perItem = alignUp(std::max(one, two - one) * elementBytes(type.getElementType()));
    return bytes;
  }

  LogicalResult placeArena() {
    Region constants, items;
    llvm::DenseMap<Value, int64_t> ends;
    for (LaunchOp launch : launches())
      for (Value part : launch.getResults()) {
        Value result = wholeOf(part);
        int64_t &end = ends.try_emplace(owner(result), time.lookup(launch)).first->second;
        end = std::max(end, lastUse(result));
      }
    for (LaunchOp launch : launches())
      for (Value part : launch.getResults()) {
        Value result = wholeOf(part);
        if (places.count(result)) continue;
        if (Value earlier = owner(result); earlier != result) {
          places[result] = Place(places.at(earlier));
          continue;
        }
        FailureOr<Bytes> bytes = bytesOf(result);
        if (failed(bytes)) return failure();
        int64_t begin = time.lookup(launch), end = ends.at(result);
        Place &place = places[result];
        place.perItem = bytes->perItem > 0;
        place.offset =
            place.perItem ? items.place(bytes->perItem, begin, end) : constants.place(bytes->constant, begin, end);
      }
    constantBytes = constants.size;
    AffineExpr total = shapes.constant(constants.size);
    if (items.size) total = total + getAffineSymbolExpr(0, function.getContext()) * items.size;
    function->setAttr("fovea.arena", shapes.dims({shapes.normal(total)}));
    return success();
  }

  //===-- Rewriting to buffers ------------------------------------------------------------------------------------===//

  Value bufferOf(OpBuilder &builder, Value value) {
    if (auto known = buffers.find(value); known != buffers.end()) return known->second;
    auto type = cast<RankedTensorType>(value.getType());
    Location location = value.getLoc();
    Value result;
    Operation *op = value.getDefiningOp();
    if (auto load = dyn_cast_or_null<LoadOp>(op)) {
      result = StateBufferOp::create(
          builder, location, BufferType::get(value.getContext(), type, rowMajorStrides(type)), load.getStateAttr());
    } else if (parts.count(value) || (op && op->hasTrait<View>())) {
      StridedView view = parts.count(value) ? parts.at(value) : *views.of(value);
      Value base = bufferOf(builder, view.base);
      result = SubviewOp::create(builder, location,
                                 BufferType::get(value.getContext(), type, views.shapes.dims(view.strides)), base,
                                 views.shapes.dims({view.offset}));
    } else {
      const Place &place = places.at(value);
      auto buffer = BufferType::get(value.getContext(), type, stridesOf(value));
      AffineExpr offset = shapes.constant(place.offset);
      if (place.perItem) offset = offset * getAffineSymbolExpr(0, value.getContext()) + constantBytes;
      if (place.buffer)
        result = place.buffer;
      else if (place.state)
        result = StateBufferOp::create(builder, location, buffer, place.state);
      else
        result = ArenaOp::create(builder, location, buffer, shapes.dims({shapes.normal(offset)}));
    }
    buffers[value] = result;
    return result;
  }

  DimsAttr layoutOf(Value value) {
    auto launch = value.getDefiningOp<LaunchOp>();
    if (!launch) return {};
    auto kernel = kernelOf(launch);
    return kernel.resultStrides(cast<OpResult>(value).getResultNumber());
  }
  DimsAttr stridesOf(Value value) {
    DimsAttr strides = layoutOf(value);
    return strides ? strides : rowMajorStrides(cast<RankedTensorType>(value.getType()));
  }

  void rewrite() {
    unsigned inputs = function.getNumArguments();
    for (unsigned index = 0; index < inputs; ++index) {
      BlockArgument argument = function.getArgument(index);
      auto type = cast<RankedTensorType>(argument.getType());
      buffers[argument] = argument;
      bufferTypes.push_back(BufferType::get(type.getContext(), type, rowMajorStrides(type)));
    }
    SmallVector<Operation *> old;
    for (Operation &op : function.front().without_terminator()) old.push_back(&op);
    for (Operation *op : old) {
      auto launch = dyn_cast<LaunchOp>(op);
      if (!launch || joins.contains(launch)) continue;
      OpBuilder builder(launch);
      SmallVector<Value> arguments, into;
      for (Value input : launch.getInputs()) arguments.push_back(bufferOf(builder, input));
      for (Value result : launch.getResults()) into.push_back(bufferOf(builder, result));
      auto kernel = kernelOf(launch);
      LaunchOp::create(builder, launch.getLoc(), TypeRange(), inPlaceForm(kernel, inPlace.lookup(launch)).getSymName(),
                       arguments, into);
    }
    OpBuilder builder(function.front().getTerminator());
    for (StoreOp store : copied) copyIntoState(builder, store);
    finish(builder, old);
  }

  /// A state that other kernels still read is written by a kernel that copies, after all of them.
  void copyIntoState(OpBuilder &builder, StoreOp store) {
    auto type = cast<RankedTensorType>(store.getValue().getType());
    OpBuilder before(function);
    SymbolTable symbols(function->getParentOfType<ModuleOp>());
    auto kernel = KernelOp::create(before, store.getLoc(), "copy", FunctionType::get(type.getContext(), {type}, {type}),
                                   ScheduleAttr(), ArrayAttr(), ArrayAttr());
    symbols.insert(kernel);
    Block *body = &kernel.getBody().emplaceBlock();
    body->addArgument(type, store.getLoc());
    OpBuilder inside = OpBuilder::atBlockEnd(body);
    Value same = BroadcastOp::create(inside, store.getLoc(), type, body->getArgument(0));
    YieldOp::create(inside, store.getLoc(), same);
    Value state = StateBufferOp::create(
        builder, store.getLoc(), BufferType::get(type.getContext(), type, rowMajorStrides(type)), store.getStateAttr());
    LaunchOp::create(builder, store.getLoc(), TypeRange(), kernel.getSymName(), bufferOf(builder, store.getValue()),
                     state);
  }

  void finish(OpBuilder &builder, ArrayRef<Operation *> old) {
    Operation *terminator = function.front().getTerminator();
    func::ReturnOp::create(builder, terminator->getLoc());
    terminator->erase();
    for (Operation *op : llvm::reverse(old)) {
      op->dropAllUses();
      op->erase();
    }
    SmallVector<Attribute> attributes;
    for (unsigned index = 0; index < bufferTypes.size(); ++index) {
      BlockArgument argument = function.getArgument(index);
      argument.setType(bufferTypes[index]);
      attributes.push_back(function.getArgAttrDict(index) ? function.getArgAttrDict(index)
                                                          : builder.getDictionaryAttr({}));
    }
    for (DictionaryAttr result : resultAttributes) {
      NamedAttrList list(result);
      list.set("fovea.output", builder.getUnitAttr());
      attributes.push_back(list.getDictionary(builder.getContext()));
    }
    function->removeAttr(function.getResAttrsAttrName());
    function.setType(builder.getFunctionType(function.front().getArgumentTypes(), {}));
    function.setArgAttrsAttr(builder.getArrayAttr(attributes));
  }

  func::FuncOp function;
  llvm::DenseMap<StringAttr, KernelOp> kernels; // those of launches over tensors
  Shapes shapes;
  StridedViews views;
  llvm::DenseMap<Operation *, int64_t> time;
  llvm::MapVector<Value, Place> places;
  llvm::DenseMap<Value, Value> buffers;
  SmallVector<StoreOp> copied;
  llvm::DenseMap<Operation *, SmallVector<std::pair<unsigned, unsigned>>> inPlace; // result, argument
  llvm::DenseMap<Value, Value> reused;      // a launch's result, and the argument in whose place it is written
  llvm::DenseSet<Operation *> joins;        // launches that would only join results
  llvm::DenseMap<Value, StridedView> parts; // of what they would make
  llvm::DenseMap<std::pair<Operation *, Attribute>, KernelOp> forms; // of kernels, by their results' layouts
  SmallVector<DictionaryAttr> resultAttributes;
  SmallVector<Type> bufferTypes;
  int64_t constantBytes = 0;
};

} // namespace

LogicalResult planFunction(func::FuncOp function) { return FunctionPlan(function).run(); }

} // namespace fovea
