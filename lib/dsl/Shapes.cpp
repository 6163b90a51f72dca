// Functions that move elements or change shapes.
#include "lib/dsl/Build.h"

#include <fovea/Functions.h>
#include <fovea/Model.h>

#include <algorithm>

using namespace mlir;

namespace fovea {

using namespace dsl;

int64_t dsl::frontAxis(const char *op, const Located &x, int64_t axis, int64_t rank) {
  int64_t index = axis < 0 ? axis + rank : axis;
  if (index < 0 || index >= rank)
    Program::of(x).fail(x.site, Twine(op) + ": axis " + Twine(axis) + " of " + shapeText(Program::typeOf(x)) +
                                    ": axes go from " + Twine(-rank) + " to " + Twine(rank - 1));
  return index;
}
int64_t dsl::frontAxis(const char *op, const Located &x, int64_t axis) {
  Program::of(x);
  return frontAxis(op, x, axis, Program::typeOf(x).getRank());
}

/// The factors of a product of sizes that are not numbers; `number` is multiplied by those that are.
static SmallVector<AffineExpr> factorsOf(AffineExpr size, int64_t &number) {
  if (std::optional<int64_t> constant = constantSize(size)) return number *= *constant, SmallVector<AffineExpr>();
  if (size.getKind() != AffineExprKind::Mul) return {size};
  auto product = llvm::cast<AffineBinaryOpExpr>(size);
  SmallVector<AffineExpr> factors = factorsOf(product.getLHS(), number);
  factors.append(factorsOf(product.getRHS(), number));
  return factors;
}

/// total / part where part divides it, else null.
static AffineExpr quotient(Shapes &shapes, AffineExpr total, AffineExpr part) {
  int64_t number = 1, divisor = 1;
  SmallVector<AffineExpr> factors = factorsOf(total, number);
  for (AffineExpr factor : factorsOf(part, divisor)) {
    auto at = llvm::find(factors, factor);
    if (at == factors.end()) return {};
    factors.erase(at);
  }
  if (divisor < 1) return {};
  AffineExpr rest = shapes.normal(shapes.product(factors) * number), result = shapes.normal(rest.floorDiv(divisor));
  return shapes.normal(result * divisor) == rest ? result : AffineExpr();
}

Tensor reshape(Located x, const Shape &shape) {
  Program &program = Program::of(x);
  SmallVector<AffineExpr> sizes = program.sizes(shape, x.site);
  AffineExpr total = program.shapes.product(program.shapes.of(Program::typeOf(x))), others = program.shapes.one();
  AffineExpr *open = nullptr;
  for (AffineExpr &size : sizes) {
    if (!isSize(size, -1))
      others = others * size;
    else if (open)
      program.fail(x.site, "reshape: two sizes are -1: only one can follow from the others");
    else
      open = &size;
  }
  if (open) {
    std::string to = program.shapes.text(sizes);
    *open = quotient(program.shapes, total, program.shapes.normal(others));
    if (!*open)
      program.fail(x.site, "reshape: " + shapeText(Program::typeOf(x)) + " has " + program.shapes.text(total) +
                               " elements, which the known sizes of " + to + " do not divide");
  }
  RankedTensorType type = program.type(x.site, "reshape", sizes, Program::typeOf(x).getElementType());
  return program.tensor(program.makeAs<ReshapeOp>(x.site, type, valueOf(x)));
}

Tensor transpose(Located x, const std::vector<int64_t> &permutation) {
  SmallVector<int64_t> order;
  for (int64_t axis : permutation) order.push_back(frontAxis("transpose", x, axis));
  return apply<TransposeOp>(Program::of(x), x.site, valueOf(x), order);
}

Tensor slice(Located x, int64_t axis, int64_t start, int64_t size, int64_t step) {
  return apply<SliceOp>(Program::of(x), x.site, valueOf(x), frontAxis("slice", x, axis), start, size, step);
}

Tensor pick(Located x, int64_t axis, int64_t index) {
  int64_t front = frontAxis("pick", x, axis);
  Tensor one = slice(x, front, index, 1);
  Shape shape = one.shape();
  shape.erase(shape.begin() + front);
  return reshape({one, x.site}, shape);
}

int64_t dsl::constantSize(const char *op, const Located &x, int64_t axis) {
  RankedTensorType type = Program::typeOf(x);
  if (type.isDynamicDim(axis))
    Program::of(x).fail(x.site, Twine(op) + ": the size of axis " + Twine(axis) + " of " + shapeText(type) +
                                    " must be a number");
  return type.getDimSize(axis);
}

void dsl::checkTable(const char *op, const Located &x, int64_t size) {
  constexpr int64_t most = int64_t(1) << 20;
  if (size > most)
    Program::of(x).fail(x.site, Twine(op) + ": needs a table of " + Twine(size) + " numbers: up to " + Twine(most) +
                                    " are supported");
}

/// The elements at these places of an axis.
static Tensor chosen(const Located &x, int64_t axis, ArrayRef<int64_t> places) {
  Program &program = Program::of(x);
  Tensor indices = dsl::constant(program, x.site, (int64_t)places.size(), places);
  return gather(x, {indices, x.site}, axis);
}

Tensor pad(Located x, int64_t axis, int64_t before, int64_t after, PadMode mode, double value) {
  int64_t front = frontAxis("pad", x, axis);
  Program &program = Program::of(x);
  if (mode == PadMode::constant)
    return apply<PadOp>(program, x.site, valueOf(x), front, before, after, 1, llvm::APFloat(value));
  int64_t size = dsl::constantSize("pad", x, front), most = mode == PadMode::reflect ? size - 1
                                                            : mode == PadMode::wrap  ? size
                                                                                     : int64_t(1) << 20;
  for (int64_t count : {before, after})
    if (count < 0 || count > most)
      program.fail(x.site, "pad: " + Twine(count) + " elements around the " + Twine(size) + " of axis " + Twine(front) +
                               ": this mode takes 0 to " + Twine(most));
  checkTable("pad", x, size + before + after);
  SmallVector<int64_t> places;
  for (int64_t at = -before; at < size + after; ++at) {
    int64_t wrapped = (at + size) % size, mirrored = at < 0 ? -at : at < size ? at : 2 * (size - 1) - at;
    places.push_back(mode == PadMode::edge   ? std::clamp<int64_t>(at, 0, size - 1)
                     : mode == PadMode::wrap ? wrapped
                                             : mirrored);
  }
  return chosen(x, front, places);
}

Tensor flip(Located x, int64_t axis) {
  int64_t front = frontAxis("flip", x, axis), size = dsl::constantSize("flip", x, front);
  checkTable("flip", x, size);
  SmallVector<int64_t> places;
  for (int64_t at = size; at-- > 0;) places.push_back(at);
  return chosen(x, front, places);
}

Tensor tile(Located x, const std::vector<int64_t> &repeats) {
  Frame frame(x);
  Shape shape = x.tensor.shape(), apart, repeated, result;
  if (repeats.size() != shape.size() || llvm::any_of(repeats, [](int64_t count) { return count < 0; }))
    frame.fail("tile: " + shapeText(Program::typeOf(x)) + " needs a number, not negative, for each dimension");
  for (auto [size, count] : llvm::zip(shape, repeats)) {
    apart.insert(apart.end(), {1, size});
    repeated.insert(repeated.end(), {count, size});
    result.push_back(size * count);
  }
  return reshape(broadcast_to(reshape(x.tensor, apart), repeated), result);
}

std::vector<Tensor> split(Located x, const std::vector<int64_t> &sizes, int64_t axis) {
  int64_t front = frontAxis("split", x, axis), extent = dsl::constantSize("split", x, front), start = 0;
  std::vector<Tensor> parts;
  for (int64_t size : sizes) {
    parts.push_back(slice(x, front, start, size));
    start += size;
  }
  if (start != extent)
    Program::of(x).fail(x.site, "split: the sizes add up to " + Twine(start) + ", but axis " + Twine(front) + " of " +
                                    shapeText(Program::typeOf(x)) + " has " + Twine(extent));
  return parts;
}

/// x where column - row, less k, is at most or at least 0; else 0.
static Tensor triangle(const char *name, const Located &x, int64_t k, bool upper) {
  Frame frame(x);
  RankedTensorType type = Program::typeOf(x);
  if (type.getRank() < 2) frame.fail(std::string(name) + ": " + shapeText(type) + " must have rank 2 or more");
  int64_t rank = type.getRank();
  auto counted = [&](int64_t axis) {
    int64_t size = dsl::constantSize(name, x, axis);
    checkTable(name, x, size);
    SmallVector<int64_t> places = llvm::to_vector(llvm::seq<int64_t>(0, size));
    SmallVector<int64_t> shape(rank - axis, 1);
    shape[0] = places.size();
    return dsl::constant(Program::of(x), x.site, shape, places);
  };
  Tensor row = counted(rank - 2) + (double)k, column = counted(rank - 1);
  Tensor kept = upper ? row <= column : column <= row;
  if (x.tensor.dtype() == DType::boolean) return logical_and(x.tensor, kept);
  return where(kept, x.tensor, 0);
}
Tensor tril(Located x, int64_t k) { return triangle("tril", x, k, false); }
Tensor triu(Located x, int64_t k) { return triangle("triu", x, k, true); }

Tensor broadcast_to(Located x, const Shape &shape) {
  Program &program = Program::of(x);
  RankedTensorType type =
      program.type(x.site, "broadcast_to", program.sizes(shape, x.site), Program::typeOf(x).getElementType());
  return program.tensor(program.makeAs<BroadcastOp>(x.site, type, valueOf(x)));
}

Tensor concat(const std::vector<Tensor> &tensors, int64_t axis, Site site) {
  if (tensors.empty()) dsl::fail({site}, "concat: there is no tensor: give at least one");
  SmallVector<const Tensor *> pointers;
  SmallVector<Value> values;
  for (const Tensor &tensor : tensors) pointers.push_back(&tensor), values.push_back(valueOf(tensor));
  Program &program = Program::of(site, pointers);
  return apply<ConcatOp>(program, site, ValueRange(values), frontAxis("concat", {tensors[0], site}, axis));
}

Tensor stack(const std::vector<Tensor> &tensors, int64_t axis, Site site) {
  std::vector<Tensor> layers;
  for (const Tensor &tensor : tensors) {
    Shape shape = tensor.shape(site);
    int64_t front = frontAxis("stack", {tensor, site}, axis, shape.size() + 1);
    shape.insert(shape.begin() + front, Dim(1));
    layers.push_back(reshape({tensor, site}, shape));
  }
  return concat(layers, axis, site);
}

} // namespace fovea
