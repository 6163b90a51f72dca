// Kernel ops: text form and verifiers.
#include "dialect/Ops.h"
#include "dialect/Shape.h"
#include "dialect/ops/RowSum.h"

#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialect/ops/Kernel.cpp.inc"

namespace fovea {

void registerKernel(FoveaDialect &dialect) {
  dialect.addFamily<
#define GET_OP_LIST
#include "dialect/ops/Kernel.cpp.inc"
      >();
}

//===-- kernel ----------------------------------------------------------------------------------------------------===//

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &state) {
  auto type = [](Builder &builder, ArrayRef<Type> arguments, ArrayRef<Type> results,
                 function_interface_impl::VariadicFlag,
                 std::string &) { return builder.getFunctionType(arguments, results); };
  return function_interface_impl::parseFunctionOp(parser, state, false, getFunctionTypeAttrName(state.name), type,
                                                  getArgAttrsAttrName(state.name), getResAttrsAttrName(state.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, false, getFunctionTypeAttrName(), getArgAttrsAttrName(),
                                           getResAttrsAttrName());
}

std::string KernelOp::text() {
  OwningOpRef<Operation *> clone = (*this)->clone();
  cast<KernelOp>(*clone).setSymName("kernel");
  std::string text;
  llvm::raw_string_ostream os(text);
  clone->print(os, OpPrintingFlags().useLocalScope());
  return text;
}

static bool isAnchor(Operation &op) { return op.hasTrait<Anchor>() && !isRowSum(&op); }

Operation *KernelOp::getAnchor() {
  for (Operation &op : getBody().front())
    if (isAnchor(op)) return &op;
  return nullptr;
}

int64_t KernelOp::inPlace(unsigned index) {
  auto argument = getResultAttrOfType<IntegerAttr>(index, "fovea.in_place");
  return argument ? argument.getInt() : -1;
}

static DimsAttr stridesOr(DimsAttr strides, Type type) {
  return strides ? strides : rowMajorStrides(cast<RankedTensorType>(type));
}
DimsAttr KernelOp::argumentStrides(unsigned index) {
  return stridesOr(getArgAttrOfType<DimsAttr>(index, "fovea.strides"), getArgumentTypes()[index]);
}
DimsAttr KernelOp::resultStrides(unsigned index) {
  return stridesOr(getResultAttrOfType<DimsAttr>(index, "fovea.strides"), getResultTypes()[index]);
}

LogicalResult KernelOp::verifyRegions() {
  int64_t anchors = 0;
  for (Operation &op : getBody().front()) anchors += isAnchor(op);
  if (anchors > 1) return emitOpError("has ") << anchors << " anchors: a kernel is built around at most one (c1)";
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || TypeRange(yield.getValues()) != TypeRange(getResultTypes()))
    return emitOpError("must end with fovea.yield of its ") << getResultTypes().size() << " results (c2)";
  auto fits = [](Attribute strides, Type type) {
    auto dims = dyn_cast_or_null<DimsAttr>(strides);
    return !strides || (dims && (int64_t)dims.getSizes().size() == cast<RankedTensorType>(type).getRank());
  };
  for (auto [index, type] : llvm::enumerate(getArgumentTypes()))
    if (!isTensor(type) || !fits(getArgAttr(index, "fovea.strides"), type))
      return emitOpError("argument ")
             << index << " must be a tensor, and its fovea.strides one #fovea.dims size for each dimension (c4)";
  for (auto [index, type] : llvm::enumerate(getResultTypes()))
    if (!fits(getResultAttr(index, "fovea.strides"), type))
      return emitOpError("result ") << index
                                    << " must have as fovea.strides one #fovea.dims size for each dimension (c4)";
  for (unsigned index = 0; index < getResultTypes().size(); ++index) {
    int64_t argument = inPlace(index);
    if (argument < 0) continue;
    if (argument >= (int64_t)getArgumentTypes().size() || getArgumentTypes()[argument] != getResultTypes()[index] ||
        argumentStrides(argument) != resultStrides(index))
      return emitOpError("has result ") << index << " in place of argument " << argument
                                        << ", which must exist with the same type and strides (c3)";
  }
  return success();
}

//===-- launch and buffers ----------------------------------------------------------------------------------------===//

static Type tensorOrSelf(Type type) {
  if (auto buffer = dyn_cast<BufferType>(type)) return buffer.getTensor();
  return type;
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto kernel = tables.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel) return emitOpError("names ") << getKernelAttr() << ", which is no fovea.kernel of this module (c2)";
  if (!getInto().empty() && getNumResults())
    return emitOpError("has both results and buffers to write into: it is over tensors or over buffers (c1)");
  auto results = getInto().empty() ? TypeRange(getResultTypes()) : TypeRange(getInto());
  auto agree = [](TypeRange given, ArrayRef<Type> declared) {
    return given.size() == declared.size() && llvm::all_of(llvm::zip(given, declared), [](auto pair) {
             return tensorOrSelf(std::get<0>(pair)) == std::get<1>(pair);
           });
  };
  if (!agree(TypeRange(getInputs()), kernel.getArgumentTypes()) || !agree(results, kernel.getResultTypes()))
    return emitOpError("does not fit ") << getKernelAttr() << ": its types are " << kernel.getFunctionType() << " (c2)";
  return success();
}

LogicalResult ArenaOp::verify() {
  if (getOffset().getSizes().size() != 1)
    return emitOpError("has one offset (c1), not ") << getOffset().getSizes().size();
  return success();
}

LogicalResult SubviewOp::verify() {
  if (getOffset().getSizes().size() != 1)
    return emitOpError("has one offset (c1), not ") << getOffset().getSizes().size();
  return success();
}

LogicalResult StateBufferOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto state = tables.lookupNearestSymbolFrom<StateOp>(*this, getStateAttr());
  if (!state || state.getStorage() != getType().getTensor())
    return emitOpError("names ") << getStateAttr() << ", which is no fovea.state kept as " << getType().getTensor()
                                 << " (c1)";
  return success();
}

} // namespace fovea
