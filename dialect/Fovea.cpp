// The dialect: registration of every family, type predicates, attribute verifiers.
#include "dialect/Fovea.h"
#include "dialect/Ops.h"
#include "dialect/Shape.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include "dialect/Fovea.cpp.inc"
#include "dialect/Interfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/Attributes.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/Types.cpp.inc"

using namespace mlir;

namespace fovea {

void FoveaDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/Attributes.cpp.inc"
      >();
}

void FoveaDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/Types.cpp.inc"
      >();
}

void FoveaDialect::initialize() {
  registerAttributes();
  registerTypes();
#define FOVEA_FAMILY(NAME) register##NAME(*this);
#include "dialect/Families.inc"
}

Operation *FoveaDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location location) {
  if (auto elements = dyn_cast<DenseElementsAttr>(value))
    if (elements.getType() == type) return ConstantOp::create(builder, location, elements);
  return nullptr;
}

bool isTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) return false;
  Type element = tensor.getElementType();
  if (!isNumber(element) && !isBool(element) && !isByte(element)) return false;
  int64_t room = maxElements;
  for (int64_t extent : tensor.getShape()) {
    if (ShapedType::isDynamic(extent)) continue;
    if (extent < 0 || extent > room) return false;
    room /= std::max<int64_t>(extent, 1);
  }
  if (tensor.hasStaticShape()) return !tensor.getEncoding();
  return isa_and_nonnull<DimsAttr>(tensor.getEncoding());
}
bool isLowPrecision(Type element) { return element.isF16() || element.isBF16(); }
bool isFloat(Type element) { return element.isF32() || element.isF64() || isLowPrecision(element); }
bool isInteger(Type element) { return element.isSignlessInteger(32) || element.isSignlessInteger(64); }
bool isNumber(Type element) { return isFloat(element) || isInteger(element); }
bool isByte(Type element) { return element.isSignlessInteger(8) || element.isUnsignedInteger(8); }
bool isBool(Type element) { return element.isSignlessInteger(1); }

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef loops, int64_t rows,
                                   int64_t columns, int64_t vector, int64_t task, int64_t chunks, int64_t width,
                                   int64_t depth) {
  for (char letter : loops)
    if (!llvm::isAlpha(letter))
      return emitError() << "schedule: '" << letter << "' in loop order \"" << loops << "\" is not a letter";
  for (auto [name, value, limit] : {std::tuple("rows", rows, int64_t(64)),
                                    {"columns", columns, 512},
                                    {"vector", vector, 64},
                                    {"task", task, int64_t(1) << 30},
                                    {"chunks", chunks, 1 << 15},
                                    {"width", width, int64_t(1) << 30},
                                    {"depth", depth, int64_t(1) << 30}})
    if (value < 1 || value > limit)
      return emitError() << "schedule: " << name << " is " << value << ": it must be from 1 to " << limit;
  if (!llvm::isPowerOf2_64(vector))
    return emitError() << "schedule: vector is " << vector << ": it must be a power of 2";
  return success();
}

LogicalResult PanelsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t axis, int64_t size) {
  if (axis < 0 || size < 1 || size > 512)
    return emitError() << "panels: axis " << axis << " and size " << size
                       << ": the axis counts from 0, the size is from 1 to 512";
  return success();
}

RankedTensorType PanelsAttr::pack(RankedTensorType logical) const {
  if (getAxis() >= logical.getRank() || logical.isDynamicDim(getAxis())) return {};
  Shapes shapes(logical.getContext());
  auto sizes = shapes.of(logical);
  AffineExpr panels = shapes.constant(llvm::divideCeil(logical.getDimSize(getAxis()), getSize()));
  sizes.erase(sizes.begin() + getAxis());
  sizes.insert(sizes.begin(), panels);
  sizes.push_back(shapes.constant(getSize()));
  return shapes.tensor(sizes, logical.getElementType());
}

LogicalResult OptimizerAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef kind,
                                    DictionaryAttr constants) {
  if (!llvm::is_contained({"sgd", "adam", "adamw", "adagrad", "lamb"}, kind))
    return emitError() << "optimizer '" << kind << "' is not known: it must be sgd, adam, adamw, adagrad or lamb";
  for (NamedAttribute constant : constants)
    if (!isa<FloatAttr>(constant.getValue()))
      return emitError() << "optimizer constant '" << constant.getName().getValue()
                         << "' must be a floating-point number";
  return success();
}

double OptimizerAttr::constant(StringRef name) const {
  auto value = getConstants().getAs<FloatAttr>(name);
  return value ? value.getValueAsDouble() : 0.0;
}

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> emitError, RankedTensorType tensor,
                                 DimsAttr strides) {
  if ((int64_t)strides.getSizes().size() != tensor.getRank())
    return emitError() << "buffer: a tensor of rank " << tensor.getRank() << " has " << strides.getSizes().size()
                       << " strides: give one for each dimension";
  return success();
}

} // namespace fovea
