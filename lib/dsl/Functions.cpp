// The functions of tensors, as ops or short compositions of ops.
#include "lib/dsl/Program.h"

#include <fovea/Functions.h>

#include <cmath>

using namespace mlir;

namespace fovea {

using dsl::Program;

static Value valueOf(const Tensor &tensor) { return Program::value(tensor); }

/// Adds an op and gives its first result.
template <typename Op, typename... Arguments>
static Tensor apply(Program &program, Site site, Arguments &&...arguments) {
  return program.tensor(program.make<Op>(site, std::forward<Arguments>(arguments)...)->getResult(0));
}

//===-- Element by element ----------------------------------------------------------------------------------------===//

/// A rank-0 constant of an element type.
static Tensor scalar(Program &program, Site site, double number, Type element) {
  auto type = RankedTensorType::get({}, element);
  Attribute attribute;
  if (isa<FloatType>(element)) {
    attribute = FloatAttr::get(element, number);
  } else {
    bool boolean = element.isInteger(1);
    double largest = boolean ? 1 : element.isInteger(64) ? 0x1p53 : 0x7fffffff;
    if (number != std::floor(number) || number > largest || number < (boolean ? 0 : -largest))
      program.fail(site, Twine(std::to_string(number)) + " is no " +
                             (boolean ? "boolean: use 0 or 1"
                                      : std::string(element.isInteger(64) ? "i64" : "i32") +
                                            ": cast the tensor to a float, or use a whole number"));
    attribute = IntegerAttr::get(element, (int64_t)number);
  }
  return apply<ConstantOp>(program, site, DenseElementsAttr::get(type, attribute));
}

static std::string elementText(const Tensor &tensor) {
  std::string text;
  llvm::raw_string_ostream(text) << Program::typeOf(tensor).getElementType();
  return text;
}

/// Both operands as tensors of one element type and model, with their program.
struct Pair {
  Program *program;
  Site site;
  Tensor a, b;

  Pair(const char *op, const Operand &left, const Operand &right, Program *owner = nullptr) : site(left.site) {
    SmallVector<const Tensor *> tensors;
    for (const Operand *operand : {&left, &right})
      if (!operand->number) tensors.push_back(&operand->tensor);
    if (tensors.empty() && !owner)
      dsl::fail({site}, Twine(op) + ": both operands are numbers: at least one must be a tensor");
    program = tensors.empty() ? owner : &Program::of(site, tensors);
    Type element = tensors.empty() ? program->element(program->dtype) : Program::typeOf(*tensors[0]).getElementType();
    a = left.number ? scalar(*program, site, *left.number, element) : left.tensor;
    b = right.number ? scalar(*program, site, *right.number, element) : right.tensor;
    if (Program::typeOf(a).getElementType() != Program::typeOf(b).getElementType())
      program->fail(site, Twine(op) + ": one operand is " + elementText(a) + ", the other " + elementText(b) +
                              ": cast one of them");
  }
};

template <typename Op> static Tensor binary(const char *name, const Operand &a, const Operand &b) {
  Pair pair(name, a, b);
  return apply<Op>(*pair.program, pair.site, valueOf(pair.a), valueOf(pair.b));
}
Tensor operator+(Operand a, Operand b) { return binary<AddOp>("add", a, b); }
Tensor operator-(Operand a, Operand b) { return binary<SubOp>("sub", a, b); }
Tensor operator*(Operand a, Operand b) { return binary<MulOp>("mul", a, b); }
Tensor operator/(Operand a, Operand b) { return binary<DivOp>("div", a, b); }
Tensor pow(Operand a, Operand b) { return binary<PowOp>("pow", a, b); }
Tensor maximum(Operand a, Operand b) { return binary<MaximumOp>("maximum", a, b); }
Tensor minimum(Operand a, Operand b) { return binary<MinimumOp>("minimum", a, b); }
Tensor remainder(Operand a, Operand b) { return binary<RemainderOp>("remainder", a, b); }

static Tensor compare(const char *relation, const Operand &a, const Operand &b) {
  Pair pair("compare", a, b);
  return apply<CompareOp>(*pair.program, pair.site, valueOf(pair.a), valueOf(pair.b), StringRef(relation));
}
Tensor operator<(Operand a, Operand b) { return compare("lt", a, b); }
Tensor operator<=(Operand a, Operand b) { return compare("le", a, b); }
Tensor operator>(Operand a, Operand b) { return compare("lt", b, a); }
Tensor operator>=(Operand a, Operand b) { return compare("le", b, a); }
Tensor equal(Operand a, Operand b) { return compare("eq", a, b); }
Tensor not_equal(Operand a, Operand b) { return compare("ne", a, b); }

Tensor where(Located condition, Operand a, Operand b) {
  Program &program = Program::of(condition);
  Pair pair("where", a, b, &program);
  Program::of(condition.site, {&condition.tensor, &pair.a, &pair.b});
  return apply<SelectOp>(program, condition.site, valueOf(condition), valueOf(pair.a), valueOf(pair.b));
}

template <typename Op> static Tensor unary(const Located &x) { return apply<Op>(Program::of(x), x.site, valueOf(x)); }
Tensor operator-(Located x) { return unary<NegOp>(x); }
Tensor abs(Located x) { return unary<AbsOp>(x); }
Tensor floor(Located x) { return unary<FloorOp>(x); }
Tensor round(Located x) { return unary<RoundOp>(x); }
Tensor exp(Located x) { return unary<ExpOp>(x); }
Tensor log(Located x) { return unary<LogOp>(x); }
Tensor sqrt(Located x) { return unary<SqrtOp>(x); }
Tensor sin(Located x) { return unary<SinOp>(x); }
Tensor cos(Located x) { return unary<CosOp>(x); }
Tensor tanh(Located x) { return unary<TanhOp>(x); }
Tensor erf(Located x) { return unary<ErfOp>(x); }
Tensor sigmoid(Located x) { return unary<SigmoidOp>(x); }
Tensor relu(Located x) { return unary<ReluOp>(x); }
Tensor gelu(Located x) { return unary<GeluOp>(x); }
Tensor gelu_tanh(Located x) { return unary<GeluTanhOp>(x); }
Tensor softplus(Located x) { return unary<SoftplusOp>(x); }

Tensor cast(Located x, DType dtype) {
  Program &program = Program::of(x);
  RankedTensorType type = tensorOf(dimsOf(Program::typeOf(x)), program.element(dtype));
  return program.tensor(program.makeAs<CastOp>(x.site, type, valueOf(x)));
}

//===-- Shapes ----------------------------------------------------------------------------------------------------===//

/// An axis counted from the front, below `rank`.
static int64_t frontAxis(const char *op, const Located &x, int64_t axis, int64_t rank) {
  int64_t index = axis < 0 ? axis + rank : axis;
  if (index < 0 || index >= rank)
    Program::of(x).fail(x.site, Twine(op) + ": axis " + Twine(axis) + " of " + shapeText(Program::typeOf(x)) +
                                    ": axes go from " + Twine(-rank) + " to " + Twine(rank - 1));
  return index;
}
static int64_t frontAxis(const char *op, const Located &x, int64_t axis) {
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

Tensor pad(Located x, int64_t axis, int64_t before, int64_t after) {
  return apply<PadOp>(Program::of(x), x.site, valueOf(x), frontAxis("pad", x, axis), before, after, 1);
}

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

//===-- Reductions ------------------------------------------------------------------------------------------------===//

static SmallVector<int64_t> frontAxes(const char *op, const Located &x, const Axes &axes) {
  Program &program = Program::of(x);
  SmallVector<int64_t> result;
  if (axes.listed)
    for (int64_t axis : *axes.listed) result.push_back(frontAxis(op, x, axis));
  else
    for (int64_t axis = 0; axis < Program::typeOf(x).getRank(); ++axis) result.push_back(axis);
  llvm::sort(result);
  if (std::adjacent_find(result.begin(), result.end()) != result.end())
    program.fail(x.site, Twine(op) + ": an axis of " + shapeText(Program::typeOf(x)) + " is named twice: name each once");
  return result;
}

Tensor sum(Located x, const Axes &axes, bool keep) {
  return apply<SumOp>(Program::of(x), x.site, valueOf(x), frontAxes("sum", x, axes), keep);
}
Tensor max(Located x, const Axes &axes, bool keep) {
  return apply<MaxOp>(Program::of(x), x.site, valueOf(x), frontAxes("max", x, axes), keep);
}

Tensor prod(Located x, const Axes &axes, bool keep) {
  return apply<ProdOp>(Program::of(x), x.site, valueOf(x), frontAxes("prod", x, axes), keep);
}

Tensor argmax(Located x, int64_t axis, bool keep) {
  return apply<ArgmaxOp>(Program::of(x), x.site, valueOf(x), frontAxis("argmax", x, axis), keep);
}

Tensor mean(Located x, const Axes &axes, bool keep) {
  Program &program = Program::of(x);
  auto sizes = program.shapes.of(Program::typeOf(x));
  AffineExpr count = program.shapes.one();
  for (int64_t axis : frontAxes("mean", x, axes)) count = count * sizes[axis];
  Tensor total = sum(x, axes, keep);
  DimsAttr dims = program.shapes.dims({program.shapes.normal(count)});
  Tensor divisor =
      program.tensor(program.makeAs<SizeOp>(x.site, RankedTensorType::get({}, Program::typeOf(x).getElementType()), dims));
  return Located(total, x.site) / divisor;
}

//===-- Layers ----------------------------------------------------------------------------------------------------===//

Tensor matmul(Located a, Located b, MatmulOptions options) {
  Pair pair("matmul", a, b);
  return apply<MatmulOp>(*pair.program, a.site, valueOf(a), valueOf(b), options.transpose_a, options.transpose_b);
}

Tensor conv2d(Located x, Located weight, Conv2dOptions options) {
  Pair pair("conv2d", x, weight);
  return apply<Conv2dOp>(*pair.program, x.site, valueOf(x), valueOf(weight), ArrayRef<int64_t>(options.stride),
                         ArrayRef<int64_t>(options.padding));
}

/// x with an axis and the last one exchanged, which is its own inverse.
static Tensor exchange(const Located &x, int64_t axis) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, Program::typeOf(x).getRank()));
  if (axis == (int64_t)order.size() - 1) return x;
  std::swap(order[axis], order.back());
  return apply<TransposeOp>(Program::of(x), x.site, valueOf(x), order);
}

template <typename Op> static Tensor alongAxis(const char *name, const Located &x, int64_t axis) {
  int64_t front = frontAxis(name, x, axis);
  return exchange({unary<Op>({exchange(x, front), x.site}), x.site}, front);
}
Tensor softmax(Located x, int64_t axis) { return alongAxis<SoftmaxOp>("softmax", x, axis); }
Tensor log_softmax(Located x, int64_t axis) { return alongAxis<LogSoftmaxOp>("log_softmax", x, axis); }

Tensor log_sum_exp(Located x, int64_t axis, bool keep) {
  int64_t front = frontAxis("log_sum_exp", x, axis);
  Shape shape = x.tensor.shape();
  if (keep)
    shape[front] = 1;
  else
    shape.erase(shape.begin() + front);
  Tensor last = exchange(x, front);
  Program &program = Program::of(x);
  Tensor sums = apply<LogSumExpOp>(program, x.site, valueOf(last));
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, Program::typeOf(sums).getRank()));
  if (front < (int64_t)order.size()) { // there stands the last axis, which goes back to the end
    std::rotate(order.begin() + front, order.begin() + front + 1, order.end());
    sums = apply<TransposeOp>(program, x.site, valueOf(sums), order);
  }
  return keep ? reshape({sums, x.site}, shape) : sums;
}

Tensor cumsum(Located x, int64_t axis, CumsumOptions options) {
  int64_t front = frontAxis("cumsum", x, axis);
  Tensor last = exchange(x, front);
  Program &program = Program::of(x);
  Tensor sums = program.tensor(program.makeAs<CumsumOp>(x.site, Program::typeOf(last), valueOf(last), options.exclusive, options.reverse));
  return exchange({sums, x.site}, front);
}

Tensor attention(Located query, Located key, Located value, AttentionOptions options) {
  Program &program = Program::of(query.site, {&query.tensor, &key.tensor, &value.tensor});
  RankedTensorType q = Program::typeOf(query), k = Program::typeOf(key);
  if (q.getRank() == 4 && q.isDynamicDim(3) && !options.scale)
    program.fail(query.site, "attention: the head size of query " + shapeText(q) + " is symbolic: give the scale");
  double scale = options.scale.value_or(q.getRank() == 4 ? 1 / std::sqrt((double)q.getDimSize(3)) : 1);
  int64_t left = options.window_left.value_or(-1), right = options.window_right.value_or(-1), offset = 0;
  if (options.causal) {
    if (options.window_right.value_or(0) != 0)
      program.fail(query.site,
                   "attention: causal, yet a window of " + Twine(right) + " keys to the right: drop one of the two");
    right = 0;
  }
  if ((options.causal || options.window_left || options.window_right) && q.getRank() == 4 && k.getRank() == 4) {
    auto queries = program.shapes.of(q)[2], keys = program.shapes.of(k)[2];
    std::optional<int64_t> difference = constantSize(program.shapes.normal(keys - queries));
    if (!difference)
      program.fail(query.site,
                   "attention: a window over " + program.shapes.text(keys) + " keys and " +
                       program.shapes.text(queries) +
                       " queries: their difference must be a number, since positions are aligned at the end");
    offset = *difference;
  }
  return apply<AttentionOp>(program, query.site, valueOf(query), valueOf(key), valueOf(value), Value(), Value(),
                            ValueRange(), llvm::APFloat(scale), left, right, offset, llvm::APFloat(options.dropout));
}

Tensor cross_entropy(Located logits, Located label) {
  Program &program = Program::of(logits.site, {&logits.tensor, &label.tensor});
  return mean({apply<CrossEntropyOp>(program, logits.site, valueOf(logits), valueOf(label)), logits.site});
}

Tensor embedding(Located table, Located indices) {
  Program &program = Program::of(table.site, {&table.tensor, &indices.tensor});
  return apply<EmbeddingOp>(program, table.site, valueOf(table), valueOf(indices));
}

Tensor one_hot(Located indices, int64_t classes) {
  Program &program = Program::of(indices);
  SmallVector<AffineExpr> sizes = program.shapes.of(Program::typeOf(indices));
  sizes.push_back(program.shapes.constant(classes));
  RankedTensorType type = program.type(indices.site, "one_hot", sizes, program.element(program.dtype));
  return program.tensor(program.makeAs<OneHotOp>(indices.site, type, valueOf(indices)));
}

Tensor dropout(Located x, double rate) {
  return apply<DropoutOp>(Program::of(x), x.site, valueOf(x), llvm::APFloat(rate));
}

} // namespace fovea
