// Merges launches of kernels that do the same to every element, whatever the shape, where their states are neighbours.
#include "lib/kernels/MergeLaunches.h"
#include "lib/kernels/Plan.h"

using namespace mlir;

namespace fovea {
namespace {

/// A kernel's buffers may have so many bytes.
constexpr int64_t mostBytes = 1 << 30;

bool isScalar(Type type) { return cast<RankedTensorType>(type).getRank() == 0; }

/// A sum of products added to an argument: zeros between states add nothing, and parts can be added in any order.
bool addsProducts(KernelOp kernel) {
  auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
  auto add = yield.getNumOperands() == 1 ? yield.getOperand(0).getDefiningOp<AddOp>() : AddOp();
  if (!add || !isScalar(add.getType())) return false;
  Value sum = add.getB(), before = add.getA();
  if (!sum.getDefiningOp<SumOp>()) std::swap(sum, before);
  auto argument = dyn_cast<BlockArgument>(before);
  if (!sum.getDefiningOp<SumOp>() || !argument || kernel.inPlace(0) != argument.getArgNumber()) return false;
  return llvm::all_of(kernel.getBody().front(), [&](Operation &op) {
    return &op == add || isa<SumOp, YieldOp>(op) || (isa<MulOp>(op) && !isScalar(op.getResult(0).getType()));
  });
}

/// Whether a kernel goes over tensors of one constant shape element by element.
bool isFlat(KernelOp kernel) {
  DimsAttr shape;
  auto fits = [&](Type type) {
    if (isScalar(type)) return true;
    if (!shape) shape = dimsOf(cast<RankedTensorType>(type));
    return cast<RankedTensorType>(type).hasStaticShape() && dimsOf(cast<RankedTensorType>(type)) == shape;
  };
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes()))
    if (!fits(type) || kernel.getArgAttr(index, "fovea.strides")) return false;
  for (auto [index, type] : llvm::enumerate(kernel.getResultTypes()))
    if (!fits(type) || kernel.getResultAttr(index, "fovea.strides")) return false;
  bool adds = addsProducts(kernel);
  if (!shape || (!adds && llvm::any_of(kernel.getResultTypes(), isScalar))) return false;
  return llvm::all_of(kernel.getBody().front(), [&](Operation &op) {
    if (isa<YieldOp>(op)) return true;
    if (auto sum = dyn_cast<SumOp>(op)) return adds && isScalar(sum.getType());
    bool point = op.hasTrait<Elementwise>() || isa<ConstantOp>(op) || isa<BroadcastOp>(op);
    return point && fits(op.getResult(0).getType()) && (!isa<ConstantOp>(op) || isScalar(op.getResult(0).getType()));
  });
}

/// The kernel over another shape.
KernelOp reshape(KernelOp kernel, ArrayRef<int64_t> shape) {
  auto form = cast<KernelOp>(kernel->clone());
  auto reshaped = [&](Type type) -> Type { return isScalar(type) ? type : cast<RankedTensorType>(type).clone(shape); };
  SmallVector<Type> arguments, results;
  for (BlockArgument argument : form.getBody().getArguments()) {
    argument.setType(reshaped(argument.getType()));
    arguments.push_back(argument.getType());
  }
  for (Operation &op : form.getBody().front()) {
    for (Value result : op.getResults()) result.setType(reshaped(result.getType()));
    if (auto sum = dyn_cast<SumOp>(op)) sum.setAxes(llvm::to_vector(llvm::seq<int64_t>(shape.size())));
  }
  for (Value value : form.getBody().front().getTerminator()->getOperands()) results.push_back(value.getType());
  form.setFunctionType(FunctionType::get(form.getContext(), arguments, results));
  return form;
}

/// So many elements as a kernel goes over them: in one row, or summed along rows whose length divides them.
SmallVector<int64_t> flatShape(KernelOp kernel, int64_t elements) {
  constexpr int64_t longestRow = 4096;
  if (!isa_and_nonnull<SumOp>(kernel.getAnchor())) return {elements};
  int64_t row = std::min(elements, longestRow);
  while (elements % row) --row;
  return {elements / row, row};
}

class Merger {
public:
  explicit Merger(func::FuncOp function)
      : function(function), symbols(function->getParentOfType<ModuleOp>()), launches(function.getOps<LaunchOp>()) {}

  void run() {
    llvm::MapVector<StringAttr, SmallVector<Candidate>> alike;
    for (LaunchOp launch : launches)
      if (std::optional<Candidate> candidate = candidateOf(launch)) alike[candidate->kind].push_back(*candidate);
    SmallVector<ArrayRef<Candidate>> runs;
    for (auto &[kind, all] : alike) {
      llvm::stable_sort(all, [](auto &a, auto &b) { return a.offsets.front() < b.offsets.front(); });
      for (ArrayRef<Candidate> rest = all; !rest.empty();) {
        ArrayRef<Candidate> run = rest.take_front(neighbours(rest));
        if (run.size() > 1 && mayMove(run, all)) runs.push_back(run);
        rest = rest.drop_front(run.size());
      }
    }
    for (ArrayRef<Candidate> run : runs) merge(run);
  }

private:
  struct Candidate {
    LaunchOp launch;
    StringAttr kind;              // what it does, and where its scalars are
    SmallVector<int64_t> offsets; // of its states
    SmallVector<int64_t> bytes;   // of their elements
    int64_t elements = 0;         // with the padding behind them
  };
  static constexpr int64_t largestElement = 8; // in bytes

  static SmallVector<Value> buffersOf(LaunchOp launch) {
    SmallVector<Value> result(launch.getInputs());
    llvm::append_range(result, launch.getInto());
    return result;
  }

  /// What tells places apart; places of one region that overlap are equal, or are not in use at the same time.
  static Attribute placeOf(Value buffer) {
    while (auto subview = buffer.getDefiningOp<SubviewOp>()) buffer = subview.getBuffer();
    if (auto state = buffer.getDefiningOp<StateBufferOp>()) return state.getStateAttr();
    if (auto arena = buffer.getDefiningOp<ArenaOp>()) return arena.getOffset();
    return Builder(buffer.getContext()).getI64IntegerAttr(cast<BlockArgument>(buffer).getArgNumber());
  }

  std::optional<Candidate> candidateOf(LaunchOp launch) {
    auto kernel = symbols.lookup<KernelOp>(launch.getKernel());
    if (!isFlat(kernel)) return std::nullopt;
    Candidate result;
    result.launch = launch;
    OwningOpRef<KernelOp> flat = reshape(kernel, {1});
    std::string kind = flat->text();
    llvm::raw_string_ostream text(kind);
    for (Value buffer : buffersOf(launch)) {
      RankedTensorType type = cast<BufferType>(buffer.getType()).getTensor();
      if (type.getRank() == 0) {
        text << placeOf(buffer) << ' ';
        continue;
      }
      auto place = buffer.getDefiningOp<StateBufferOp>();
      if (!place) return std::nullopt;
      int64_t bytes = elementBytes(type.getElementType());
      int64_t elements = llvm::alignTo(type.getNumElements() * bytes, bufferAlignment) / bytes;
      if (result.elements && result.elements != elements) return std::nullopt;
      result.elements = elements;
      result.offsets.push_back(*symbols.lookup<StateOp>(place.getState()).getOffset());
      result.bytes.push_back(bytes);
    }
    result.kind = StringAttr::get(launch.getContext(), kind);
    return result;
  }

  static bool follows(const Candidate &before, const Candidate &after) {
    for (auto [from, to, bytes] : llvm::zip(before.offsets, after.offsets, before.bytes))
      if (from + before.elements * bytes != to) return false;
    return true;
  }

  /// How many of the first have states that are neighbours.
  static size_t neighbours(ArrayRef<Candidate> candidates) {
    size_t count = 1;
    int64_t bytes = candidates[0].elements * largestElement;
    for (; count < candidates.size() && follows(candidates[count - 1], candidates[count]); ++count) {
      bytes += candidates[count].elements * largestElement;
      if (bytes > mostBytes) break;
    }
    return count;
  }

  /// Whether all can run where the first does: no launch in between touches what they do, but for the scalars of those
  /// that are alike, and none reads what another one writes.
  static bool mayMove(ArrayRef<Candidate> run, ArrayRef<Candidate> alike) {
    for (int64_t one : run[0].offsets)
      for (auto [other, end] : llvm::zip(run[0].offsets, run.back().offsets))
        if (other < one && one <= end) return false;
    llvm::SmallDenseSet<Operation *> own, others;
    llvm::SmallDenseSet<Attribute> read, written;
    for (const Candidate &candidate : alike) others.insert(candidate.launch);
    for (const Candidate &candidate : run) {
      LaunchOp launch = candidate.launch;
      own.insert(launch);
      for (Value buffer : launch.getInputs()) read.insert(placeOf(buffer));
      for (Value buffer : launch.getInto()) written.insert(placeOf(buffer));
    }
    auto [first, last] = ends(run);
    for (Operation *op = first->getNextNode(); op && op != last; op = op->getNextNode()) {
      auto launch = dyn_cast<LaunchOp>(op);
      if (!launch || own.contains(op)) continue;
      auto meets = [&](Value buffer, const llvm::SmallDenseSet<Attribute> &places) {
        bool scalar = isScalar(cast<BufferType>(buffer.getType()).getTensor());
        return places.contains(placeOf(buffer)) && !(scalar && others.contains(op));
      };
      for (Value buffer : launch.getInputs())
        if (meets(buffer, written)) return false;
      for (Value buffer : launch.getInto())
        if (meets(buffer, written) || meets(buffer, read)) return false;
    }
    return true;
  }

  static std::pair<Operation *, Operation *> ends(ArrayRef<Candidate> run) {
    Operation *first = run[0].launch, *last = first;
    for (const Candidate &candidate : run) {
      if (candidate.launch->isBeforeInBlock(first)) first = candidate.launch;
      if (last->isBeforeInBlock(candidate.launch)) last = candidate.launch;
    }
    return {first, last};
  }

  void merge(ArrayRef<Candidate> run) {
    int64_t elements = 0;
    for (const Candidate &candidate : run) elements += candidate.elements;
    auto at = cast<LaunchOp>(ends(run).first);
    LaunchOp start = run[0].launch; // whose states come first
    auto kernel = symbols.lookup<KernelOp>(start.getKernel());
    SmallVector<int64_t> shape = flatShape(kernel, elements);
    KernelOp flat = reshape(kernel, shape);
    flat.setSymName((kernel.getSymName() + "_over_" + Twine(elements)).str());
    symbols.insert(flat, Block::iterator(kernel));
    OpBuilder builder(at);
    auto widen = [&](Value first, Value there) -> Value {
      auto state = first.getDefiningOp<StateBufferOp>();
      RankedTensorType type = cast<BufferType>(first.getType()).getTensor();
      if (type.getRank() == 0) return there;
      RankedTensorType wide = type.clone(ArrayRef(shape));
      Shapes shapes(builder.getContext());
      Value base = StateBufferOp::create(builder, at.getLoc(), first.getType(), state.getStateAttr());
      return SubviewOp::create(builder, at.getLoc(), BufferType::get(builder.getContext(), wide, rowMajorStrides(wide)),
                               base, shapes.dims({shapes.constant(0)}));
    };
    SmallVector<Value> inputs, into;
    for (auto [first, there] : llvm::zip(start.getInputs(), at.getInputs())) inputs.push_back(widen(first, there));
    for (auto [first, there] : llvm::zip(start.getInto(), at.getInto())) into.push_back(widen(first, there));
    LaunchOp::create(builder, at.getLoc(), TypeRange(), flat.getSymName(), inputs, into);
    for (Candidate candidate : run) candidate.launch.erase();
  }

  func::FuncOp function;
  SymbolTable symbols;
  SmallVector<LaunchOp> launches;
};

} // namespace

void mergeLaunches(func::FuncOp function) {
  Merger(function).run();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front())))
    if (isOpTriviallyDead(&op)) op.erase();
}

} // namespace fovea
