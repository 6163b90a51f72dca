// Values to expressions, arguments to ImageParams, results to Funcs.
#include "lib/halide/Lowering.h"

#include "dialect/ops/RowSum.h"
#include "lib/halide/DeviceFunctions.h"
#include "lib/halide/InPlace.h"
#include "lib/halide/Math.h"
#include "lib/halide/Provider.h"
#include "lib/halide/ScoreLoads.h"
#include "lib/halide/schedule/Device.h"

#include "lib/halide/Lowering.cpp.inc"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::Var;

namespace fovea {

std::optional<int64_t> constantOf(const Expr &expression) {
  auto value = Halide::Internal::as_const_int(Halide::Internal::simplify(expression));
  return value ? std::optional<int64_t>(*value) : std::nullopt;
}

Expr elementCount(const std::vector<Expr> &extents) {
  Expr count = Halide::Internal::make_one(Halide::Int(64));
  for (const Expr &extent : extents) count *= Halide::cast<int64_t>(extent);
  return count;
}

Expr atEach(const Halide::RDom &r, const Expr &element) {
  return Halide::Internal::Select::make(r.x >= 0, element, element);
}

Halide::TailStrategy Output::tail(const Expr &extent, int64_t tile) const {
  std::optional<int64_t> constant = constantOf(extent);
  bool fits = !inPlace && constant && *constant >= tile;
  return fits ? Halide::TailStrategy::ShiftInwards : Halide::TailStrategy::GuardWithIf;
}

Halide::Type KernelLowering::type(Type element) {
  if (element.isF32()) return Halide::Float(32);
  if (element.isF64()) return Halide::Float(64);
  if (element.isF16()) return Halide::Float(16);
  if (element.isBF16()) return Halide::BFloat(16);
  unsigned bits = element.getIntOrFloatBitWidth();
  return bits == 1 ? Halide::Bool() : element.isUnsignedInteger() ? Halide::UInt(bits) : Halide::Int(bits);
}

SmallVector<StringAttr> kernelSizes(KernelOp kernel) {
  SmallVector<StringAttr> names;
  auto add = [&](DimsAttr dims) {
    for (StringAttr name : dims.getNames())
      if (!llvm::is_contained(names, name)) names.push_back(name);
  };
  auto addType = [&](Type type) {
    if (auto tensor = dyn_cast<RankedTensorType>(type)) add(dimsOf(tensor));
  };
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes()))
    addType(type), add(kernel.argumentStrides(index));
  for (auto [index, type] : llvm::enumerate(kernel.getResultTypes())) addType(type), add(kernel.resultStrides(index));
  kernel.getBody().walk([&](Operation *op) {
    for (Type type : op->getResultTypes()) addType(type);
    if (auto size = dyn_cast<SizeOp>(op)) add(size.getDims());
  });
  llvm::sort(names, [](StringAttr a, StringAttr b) { return a.getValue() < b.getValue(); });
  return names;
}

KernelLowering::KernelLowering(KernelOp op, const Target &target, std::string prefix)
    : op(op), target(target), prefix(std::move(prefix)) {
  for (StringAttr name : kernelSizes(op)) sizes.emplace(name.str(), Halide::Param<int32_t>(name.str()));
  makeArguments();
}

//===-- Sizes -----------------------------------------------------------------------------------------------------===//

Expr KernelLowering::expression(AffineExpr expression, ArrayRef<StringAttr> names) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression)) return Expr((int)constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression)) return sizes.at(names[symbol.getPosition()].str());
  auto binary = cast<AffineBinaryOpExpr>(expression);
  Expr left = this->expression(binary.getLHS(), names), right = this->expression(binary.getRHS(), names);
  switch (expression.getKind()) {
  case AffineExprKind::Add:
    return left + right;
  case AffineExprKind::Mul:
    return left * right;
  case AffineExprKind::Mod:
    return left % right;
  case AffineExprKind::FloorDiv:
    return left / right;
  default:
    return (left + right - 1) / right; // CeilDiv
  }
}

Expr KernelLowering::size(DimsAttr dims, unsigned index) { return expression(dims.getSizes()[index], dims.getNames()); }

std::vector<Expr> KernelLowering::extents(RankedTensorType type) {
  std::vector<Expr> result;
  DimsAttr dims = dimsOf(type);
  for (unsigned d = 0; d < dims.getSizes().size(); ++d) result.push_back(size(dims, d));
  return result;
}

Expr KernelLowering::extent(Value value, int64_t dimension) {
  return extents(cast<RankedTensorType>(value.getType()))[dimension];
}

//===-- Arguments and results -------------------------------------------------------------------------------------===//

template <typename Buffer>
void KernelLowering::setLayout(Buffer buffer, RankedTensorType type, DimsAttr strides, bool bounds, int64_t flatFrom) {
  auto extents = this->extents(type);
  int64_t rank = type.getRank();
  if (flatFrom >= 0) {
    for (int64_t d = flatFrom + 1; d < rank; ++d) extents[flatFrom] *= extents[d];
    if (bounds) buffer.dim(0).set_bounds(0, extents[flatFrom]);
    buffer.dim(0).set_stride(size(strides, rank - 1));
    for (int64_t d = 0; d < flatFrom; ++d) {
      auto dimension = buffer.dim(flatFrom - d);
      if (bounds) dimension.set_bounds(0, extents[d]);
      dimension.set_stride(size(strides, d));
    }
    return;
  }
  for (int64_t d = 0; d < rank; ++d) {
    auto dimension = buffer.dim(rank - 1 - d);
    if (bounds) dimension.set_bounds(0, extents[d]);
    dimension.set_stride(size(strides, d));
  }
}

void KernelLowering::makeArguments() {
  for (unsigned index = 0; index < op.getResultTypes().size(); ++index)
    if (int64_t argument = op.inPlace(index); argument >= 0) inPlaceOf[op.getBody().getArgument(argument)] = index;
  for (BlockArgument argument : op.getBody().getArguments()) {
    if (inPlaceOf.count(argument)) continue;
    auto tensor = cast<RankedTensorType>(argument.getType());
    std::string name = prefix + "_input" + std::to_string(argument.getArgNumber());
    Halide::ImageParam input(type(tensor.getElementType()), tensor.getRank(), name);
    names.push_back({input.name(), name});
    setLayout(input, tensor, op.argumentStrides(argument.getArgNumber()));
    inputOf[argument] = inputs.size();
    inputs.push_back(input);
  }
}

bool KernelLowering::isYielded(Value result) const {
  return llvm::any_of(result.getUsers(), [](Operation *user) { return isa<YieldOp>(user); });
}

void KernelLowering::yieldDirectly(Value result, Func func) {
  bind(result, func);
  direct.insert({result.getImpl(), func});
}

Expr KernelLowering::yieldBeside(Value result, const Expr &value, const Expr &element, Coordinates coordinates,
                                 const Expr &condition) {
  auto tensor = cast<RankedTensorType>(result.getType());
  auto yield = cast<YieldOp>(op.getBody().front().getTerminator());
  Func stored = func("stored" + std::to_string(direct.size()));
  stored(reversed(variables(tensor.getRank()))) = Halide::undef(element.type());
  direct.insert({result.getImpl(), stored});
  storesBeside = true;
  DimsAttr strides = op.resultStrides(llvm::find(yield.getValues(), result) - yield.getValues().begin());
  Expr index = 0;
  for (auto [d, coordinate] : llvm::enumerate(coordinates)) index += coordinate * size(strides, d);
  return StoreBeside::mark(value, element, stored.name(), index, condition);
}

Expr KernelLowering::after(const Expr &value, const Expr &other) {
  storesBeside = true;
  return StoreBeside::after(value, other);
}

std::vector<Var> KernelLowering::variables(int64_t rank) {
  std::vector<Var> vars;
  for (int64_t d = 0; d < rank; ++d) vars.push_back(Var("dim" + std::to_string(d)));
  return vars;
}

Halide::RDom KernelLowering::reduction(const std::string &name, const std::vector<Expr> &extents) {
  Halide::Region region;
  for (const Expr &extent : extents) region.push_back({0, extent});
  return Halide::RDom(region, name);
}

bool KernelLowering::flattenOutput(int64_t first) {
  for (auto [index, type] : llvm::enumerate(op.getResultTypes())) {
    auto tensor = cast<RankedTensorType>(type);
    DimsAttr strides = op.resultStrides(index);
    for (int64_t d = tensor.getRank() - 1; d > first; --d) {
      Expr above = size(strides, d - 1), apart = size(strides, d) * extents(tensor)[d];
      if (!Halide::Internal::is_const_one(
              Halide::Internal::simplify(Halide::Internal::simplify(above) == Halide::Internal::simplify(apart))))
        return false;
    }
  }
  flatFrom = first;
  return true;
}

std::vector<Expr> KernelLowering::outputCoordinates(Coordinates logical) {
  if (flatFrom < 0) return logical.vec();
  // Halide would not see that a number made of its remainders is that number.
  for (auto [own, given] : llvm::zip_equal(logicalCoordinates, logical))
    if (!own.same_as(given))
      throw Halide::CompileError("a neighbour reads other elements of what is computed in tiles");
  return {main->vars.begin(), main->vars.end()};
}

Output &KernelLowering::output() {
  if (main) return *main;
  lowerRowSums();
  auto yield = cast<YieldOp>(op.getBody().front().getTerminator());
  SmallVector<Value> values;
  for (Value value : yield.getValues())
    if (!direct.count(value.getImpl())) values.push_back(value);
  auto tensor = cast<RankedTensorType>(values[0].getType());
  main.emplace();
  main->extents = extents(tensor);
  std::vector<Expr> coordinates;
  if (flatFrom >= 0) {
    std::vector<Expr> inner(main->extents.begin() + flatFrom, main->extents.end());
    main->extents.resize(flatFrom + 1);
    for (size_t d = 1; d < inner.size(); ++d) main->extents.back() *= inner[d];
    main->vars = variables(flatFrom + 1);
    coordinates.assign(main->vars.begin(), main->vars.end() - 1);
    Expr rest = main->vars.back();
    std::vector<Expr> last;
    for (size_t d = inner.size(); d-- > 1;) {
      last.push_back(rest % inner[d]);
      rest = rest / inner[d];
    }
    last.push_back(rest);
    coordinates.insert(coordinates.end(), last.rbegin(), last.rend());
    logicalCoordinates = coordinates;
  } else {
    main->vars = variables(tensor.getRank());
    coordinates.assign(main->vars.begin(), main->vars.end());
  }
  main->inPlace = !inPlaceOf.empty();
  main->func = func("output");
  std::vector<Var> arguments = reversed(main->vars);
  std::vector<Expr> elements, undefined;
  for (Value value : values) undefined.push_back(Halide::undef(type(getElementTypeOrSelf(value.getType()))));
  auto tuple = [](const std::vector<Expr> &values) { return Halide::Tuple(values); };
  if (main->inPlace)
    values.size() == 1 ? void(main->func(arguments) = undefined[0]) : void(main->func(arguments) = tuple(undefined));
  for (Value value : values) elements.push_back(load(value, coordinates));
  for (Value value : yield.getValues())
    if (Operation *sum = value.getDefiningOp(); sum && isRowSum(sum)) {
      coordinates.back() = 0;
      elements[0] = after(elements[0], load(value, coordinates));
    }
  if (values.size() == 1)
    main->func(arguments) = elements[0];
  else
    main->func(arguments) = tuple(elements);
  for (size_t d = 0; d < arguments.size(); ++d) main->func.bound(main->vars[d], 0, main->extents[d]);
  return *main;
}

Halide::Pipeline KernelLowering::pipeline() {
  std::vector<Func> outputs;
  auto yield = cast<YieldOp>(op.getBody().front().getTerminator());
  unsigned next = 0;
  if (main) {
    auto buffers = main->func.output_buffers();
    outputs.push_back(main->func);
    for (auto &buffer : buffers) {
      // The elements of a Tuple have the bounds of the first.
      setLayout(buffer, cast<RankedTensorType>(op.getResultTypes()[next]), op.resultStrides(next), next == 0, flatFrom);
      ++next;
    }
  }
  for (Value value : yield.getValues()) {
    auto side = direct.find(value.getImpl());
    if (side == direct.end()) continue;
    setLayout(side->second.output_buffer(), cast<RankedTensorType>(op.getResultTypes()[next]), op.resultStrides(next));
    outputs.push_back(side->second);
    ++next;
  }
  Halide::Pipeline result(outputs);
  if (main && main->inPlace) result.add_custom_lowering_pass(new ValuesBeforeStores(main->func.name()));
  for (const std::string &name : together) result.add_custom_lowering_pass(new ValuesBeforeStores(name));
  if (onDevice()) result.add_custom_lowering_pass(new ThreadsOwnRegisters);
  if (target.device == Device::opencl) result.add_custom_lowering_pass(new DoublesByBits);
  if (target.device == Device::cuda) {
    result.add_custom_lowering_pass(new NvidiaFunctions);
    result.add_custom_lowering_pass(new LaneExchange);
  }
  for (auto &pass : passes) result.add_custom_lowering_pass(pass.release());
  if (storesBeside) result.add_custom_lowering_pass(new StoreBeside(onDevice()));
  if (op.getAnchor() && op.getAnchor()->getNumRegions()) result.add_custom_lowering_pass(new MarkedLoads);
  return result;
}

std::vector<Halide::Argument> KernelLowering::arguments() const {
  std::vector<Halide::Argument> result;
  for (const Halide::ImageParam &input : inputs) result.push_back(input);
  for (auto &[name, param] : sizes) result.push_back(param);
  return result;
}

//===-- Values ----------------------------------------------------------------------------------------------------===//

/// The elements in row-major order as data of the kernel's object.
static Halide::Buffer<> tableOf(DenseElementsAttr elements, const std::string &name) {
  Halide::Type type = KernelLowering::type(elements.getElementType());
  Halide::Buffer<> table(type, {(int)elements.getNumElements()}, name);
  auto *bytes = (char *)table.data();
  for (Attribute value : elements.getValues<Attribute>()) {
    APInt bits = isa<FloatAttr>(value) ? cast<FloatAttr>(value).getValue().bitcastToAPInt()
                                       : cast<IntegerAttr>(value).getValue();
    std::memcpy(bytes, bits.zextOrTrunc(64).getRawData(), type.bytes());
    bytes += type.bytes();
  }
  return table;
}

Expr KernelLowering::lookUp(DenseElementsAttr elements, Expr index) {
  auto [at, fresh] = tables.try_emplace(elements);
  // Halide wants a name of its own for each table.
  if (fresh) at->second = tableOf(elements, "table" + std::to_string(tables.size()));
  // Halide takes a table to be aligned to a whole vector, but aligns it to 32 bytes only. An index that it does not see
  // through makes it assume nothing.
  return Halide::Internal::Call::make(at->second, {clamp(math::opaque(index), 0, (int)elements.getNumElements() - 1)});
}

Expr KernelLowering::load(Value value, Coordinates coordinates) {
  for (const Known &entry : known[value])
    if (llvm::all_of(llvm::zip_equal(entry.coordinates, coordinates),
                     [](auto pair) { return std::get<0>(pair).same_as(std::get<1>(pair)); }))
      return entry.expression;
  Expr result = lower(value, coordinates);
  known[value].push_back({{coordinates.begin(), coordinates.end()}, result});
  return result;
}

Expr KernelLowering::lower(Value value, Coordinates coordinates) {
  std::vector<Expr> reversed = this->reversed(coordinates);
  if (auto func = bound.find(value); func != bound.end()) return func->second(reversed);
  if (auto element = elements.find(value); element != elements.end()) return element->second(coordinates);
  if (auto index = inPlaceOf.find(value); index != inPlaceOf.end()) {
    bool single = main->func.output_buffers().size() == 1;
    reversed = this->reversed(outputCoordinates(coordinates));
    return single ? Expr(main->func(reversed)) : Expr(main->func(reversed)[index->second]);
  }
  if (Value capture = captured.lookup(value)) return load(capture, coordinates);
  if (isa<BlockArgument>(value)) return inputs[inputOf.at(value)](reversed);
  return cast<PointLowering>(value.getDefiningOp()).lowerPoint(*this, coordinates);
}

std::vector<Expr> KernelLowering::evaluate(Region &region, Coordinates arguments, ValueRange captures,
                                           ValueRange scalars, ArrayRef<std::pair<Value, Expr>> given) {
  for (Operation &op : region.front())
    for (Value result : op.getResults()) known.erase(result);
  for (BlockArgument argument : region.getArguments()) {
    unsigned index = argument.getArgNumber();
    if (index < arguments.size())
      known[argument] = {Known{{}, arguments[index]}};
    else
      captured[argument] = captures[index - arguments.size()];
  }
  for (const auto &[value, expression] : given) known[value] = {Known{{}, expression}};
  std::vector<Expr> result;
  for (Value scalar : scalars) result.push_back(load(scalar, {}));
  return result;
}

Expr KernelLowering::loadBroadcast(Value value, Coordinates coordinates, RankedTensorType result) {
  auto tensor = cast<RankedTensorType>(value.getType());
  DimsAttr from = dimsOf(tensor), to = dimsOf(result);
  size_t shift = to.getSizes().size() - from.getSizes().size();
  std::vector<Expr> own;
  for (size_t d = 0; d < from.getSizes().size(); ++d)
    own.push_back(isSize(from.getSizes()[d], 1) && !isSize(to.getSizes()[d + shift], 1) ? Expr(0)
                                                                                        : coordinates[d + shift]);
  return load(value, own);
}

LogicalResult KernelLowering::run() {
  if (Operation *anchor = op.getAnchor()) return cast<AnchorLowering>(anchor).lowerAnchor(*this);
  scheduleRows(*this);
  return success();
}

} // namespace fovea
