// Functions of tensors that are ops: element by element, products, lookups.
#include "lib/dsl/Build.h"

#include <fovea/Functions.h>

#include <cmath>

using namespace mlir;

namespace fovea {

using namespace dsl;

//===-- Element by element ----------------------------------------------------------------------------------------===//

static Attribute elementOf(Program &program, Site site, double number, Type element) {
  if (isa<FloatType>(element)) return FloatAttr::get(element, number);
  bool boolean = element.isInteger(1);
  double largest = boolean ? 1 : element.isInteger(64) ? 0x1p53 : 0x7fffffff;
  if (number != std::floor(number) || number > largest || number < (boolean ? 0 : -largest))
    program.fail(site, Twine(std::to_string(number)) + " is no " +
                           (boolean ? "boolean: use 0 or 1"
                                    : std::string(element.isInteger(64) ? "i64" : "i32") +
                                          ": cast the tensor to a float, or use a whole number"));
  return IntegerAttr::get(element, (int64_t)number);
}

Tensor dsl::constant(Program &program, Site site, ArrayRef<int64_t> shape, ArrayRef<double> values, Type element) {
  SmallVector<Attribute> elements;
  for (double number : values) elements.push_back(elementOf(program, site, number, element));
  return apply<ConstantOp>(program, site, DenseElementsAttr::get(RankedTensorType::get(shape, element), elements));
}

Tensor dsl::constant(Program &program, Site site, ArrayRef<int64_t> shape, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get(shape, program.builder.getI64Type());
  return apply<ConstantOp>(program, site, DenseElementsAttr::get(type, values));
}

std::string dsl::elementText(const Tensor &tensor) {
  std::string text;
  llvm::raw_string_ostream(text) << Program::typeOf(tensor).getElementType();
  return text;
}

dsl::Pair::Pair(const char *op, const Operand &left, const Operand &right, Program *owner) : site(left.site) {
  SmallVector<const Tensor *> tensors;
  for (const Operand *operand : {&left, &right})
    if (!operand->number) tensors.push_back(&operand->tensor);
  if (tensors.empty() && !owner)
    dsl::fail({site}, Twine(op) + ": both operands are numbers: at least one must be a tensor");
  program = tensors.empty() ? owner : &Program::of(site, tensors);
  Type element = tensors.empty() ? program->element(program->dtype) : Program::typeOf(*tensors[0]).getElementType();
  auto tensorOf = [&](const Operand &operand) {
    return operand.number ? constant(*program, site, {}, *operand.number, element) : operand.tensor;
  };
  a = tensorOf(left);
  b = tensorOf(right);
  if (Program::typeOf(a).getElementType() != Program::typeOf(b).getElementType())
    program->fail(site, Twine(op) + ": one operand is " + elementText(a) + ", the other " + elementText(b) +
                            ": cast one of them");
}

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
Tensor floor_div(Operand a, Operand b) { return binary<FloorDivOp>("floor_div", a, b); }

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

//===-- Layers ----------------------------------------------------------------------------------------------------===//

Tensor matmul(Located a, Located b, MatmulOptions options) {
  Pair pair("matmul", a, b);
  return apply<MatmulOp>(*pair.program, a.site, valueOf(a), valueOf(b), options.transpose_a, options.transpose_b);
}

Tensor dropout(Located x, double rate) {
  return apply<DropoutOp>(Program::of(x), x.site, valueOf(x), llvm::APFloat(rate));
}

} // namespace fovea
