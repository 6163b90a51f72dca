// Elementwise ops as expressions.
#include "lib/halide/Families.h"
#include "lib/halide/Math.h"

using namespace mlir;
using Halide::Expr;

namespace fovea {
namespace {

using Binary = Expr (*)(const Expr &, const Expr &);
using Unary = Expr (*)(const Expr &);

template <typename Op, Binary function>
struct BinaryLowering : PointLowering::ExternalModel<BinaryLowering<Op, function>, Op> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto binary = cast<Op>(op);
    return function(kernel.loadBroadcast(binary.getA(), at, binary.getType()),
                    kernel.loadBroadcast(binary.getB(), at, binary.getType()));
  }
};

template <typename Op, Unary function>
struct UnaryLowering : PointLowering::ExternalModel<UnaryLowering<Op, function>, Op> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    return function(kernel.load(op->getOperand(0), at));
  }
};

Expr squareRoot(const Expr &x) { return Halide::sqrt(x); }

struct CompareLowering : PointLowering::ExternalModel<CompareLowering, CompareOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto compare = cast<CompareOp>(op);
    Expr a = kernel.loadBroadcast(compare.getA(), at, compare.getType()),
         b = kernel.loadBroadcast(compare.getB(), at, compare.getType());
    StringRef relation = compare.getRelation();
    Expr result = relation == "lt" ? math::less(a, b) : relation == "le" ? math::lessOrEqual(a, b) : math::equal(a, b);
    if (a.type().is_float()) result = result && !(math::isNan(a) || math::isNan(b));
    return relation == "ne" ? !result : result;
  }
};

struct SelectLowering : PointLowering::ExternalModel<SelectLowering, SelectOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto select = cast<SelectOp>(op);
    auto load = [&](Value value) { return kernel.loadBroadcast(value, at, select.getType()); };
    Expr condition = load(select.getCondition()), a = load(select.getA()), b = load(select.getB());
    // Halide computes what a is made of only where the condition holds, and finds that out on the host: of one element
    // for all, which lies on the device, it must not.
    bool isOne = cast<RankedTensorType>(select.getCondition().getType()).getRank() == 0;
    return kernel.onDevice() && isOne ? math::selectBits(condition, a, b) : Halide::select(condition, a, b);
  }
};

struct CastLowering : PointLowering::ExternalModel<CastLowering, CastOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    return math::convert(kernel.type(getElementTypeOrSelf(op->getResult(0).getType())),
                         kernel.load(op->getOperand(0), at), kernel.onDevice());
  }
};

struct ConstantLowering : PointLowering::ExternalModel<ConstantLowering, ConstantOp> {
  static Expr element(Halide::Type type, Attribute value) {
    if (auto real = dyn_cast<FloatAttr>(value)) {
      // As bits, so that NaN, infinities and -0.0 arrive as they are.
      APInt bits = real.getValue().bitcastToAPInt();
      return Halide::reinterpret(type, Halide::Internal::make_const(Halide::Int(type.bits()), bits.getSExtValue()));
    }
    return Halide::Internal::make_const(type, cast<IntegerAttr>(value).getValue().getSExtValue());
  }
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto elements = cast<DenseElementsAttr>(cast<ConstantOp>(op).getValue());
    Halide::Type type = kernel.type(elements.getElementType());
    if (elements.isSplat()) return element(type, elements.getSplatValue<Attribute>());
    Expr flat = 0;
    for (auto [d, extent] : llvm::enumerate(elements.getType().getShape())) flat = flat * (int)extent + at[d];
    return kernel.lookUp(elements, flat);
  }
};

struct SizeLowering : PointLowering::ExternalModel<SizeLowering, SizeOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates) const {
    auto size = cast<SizeOp>(op);
    return Halide::cast(kernel.type(size.getType().getElementType()), kernel.size(size.getDims(), 0));
  }
};

} // namespace

void registerElementwiseLowerings(MLIRContext *context) {
  AddOp::attachInterface<BinaryLowering<AddOp, math::add>>(*context);
  SubOp::attachInterface<BinaryLowering<SubOp, math::sub>>(*context);
  MulOp::attachInterface<BinaryLowering<MulOp, math::mul>>(*context);
  DivOp::attachInterface<BinaryLowering<DivOp, math::div>>(*context);
  PowOp::attachInterface<BinaryLowering<PowOp, math::pow>>(*context);
  MaximumOp::attachInterface<BinaryLowering<MaximumOp, math::maximum>>(*context);
  MinimumOp::attachInterface<BinaryLowering<MinimumOp, math::minimum>>(*context);
  RemainderOp::attachInterface<BinaryLowering<RemainderOp, math::remainder>>(*context);
  FloorDivOp::attachInterface<BinaryLowering<FloorDivOp, math::floorDiv>>(*context);
  NegOp::attachInterface<UnaryLowering<NegOp, math::neg>>(*context);
  AbsOp::attachInterface<UnaryLowering<AbsOp, math::abs>>(*context);
  FloorOp::attachInterface<UnaryLowering<FloorOp, math::floor>>(*context);
  RoundOp::attachInterface<UnaryLowering<RoundOp, math::round>>(*context);
  ExpOp::attachInterface<UnaryLowering<ExpOp, math::exp>>(*context);
  LogOp::attachInterface<UnaryLowering<LogOp, math::log>>(*context);
  SqrtOp::attachInterface<UnaryLowering<SqrtOp, squareRoot>>(*context);
  SinOp::attachInterface<UnaryLowering<SinOp, math::sin>>(*context);
  CosOp::attachInterface<UnaryLowering<CosOp, math::cos>>(*context);
  TanhOp::attachInterface<UnaryLowering<TanhOp, math::tanh>>(*context);
  ErfOp::attachInterface<UnaryLowering<ErfOp, math::erf>>(*context);
  SigmoidOp::attachInterface<UnaryLowering<SigmoidOp, math::sigmoid>>(*context);
  ReluOp::attachInterface<UnaryLowering<ReluOp, math::relu>>(*context);
  GeluOp::attachInterface<UnaryLowering<GeluOp, math::gelu>>(*context);
  GeluSlopeOp::attachInterface<UnaryLowering<GeluSlopeOp, math::geluSlope>>(*context);
  GeluTanhOp::attachInterface<UnaryLowering<GeluTanhOp, math::geluTanh>>(*context);
  SoftplusOp::attachInterface<UnaryLowering<SoftplusOp, math::softplus>>(*context);
  CompareOp::attachInterface<CompareLowering>(*context);
  SelectOp::attachInterface<SelectLowering>(*context);
  CastOp::attachInterface<CastLowering>(*context);
  ConstantOp::attachInterface<ConstantLowering>(*context);
  SizeOp::attachInterface<SizeLowering>(*context);
}

} // namespace fovea
