// What names stand for, as tensors of the model and as known elements.
#include "lib/onnx/Importer.h"

#include "llvm/ADT/StringExtras.h"

#include <cstring>

namespace fovea::onnx {

/// Floating-point values beyond this many are parameters.
constexpr int64_t mostConstants = 16;

DType dtypeOf(Element element) {
  switch (element) {
  case Element::f32:
    return DType::f32;
  case Element::f64:
    return DType::f64;
  case Element::i32:
    return DType::i32;
  case Element::i64:
    return DType::i64;
  case Element::boolean:
    return DType::boolean;
  case Element::f16:
    return DType::f16;
  case Element::bf16:
    return DType::bf16;
  case Element::i8:
    return DType::i8;
  case Element::u8:
    return DType::u8;
  default:
    throw Unsupported{"is of " + elementName(element) + ", which no tensor of a compiled model can be"};
  }
}

Element elementOf(DType dtype) {
  switch (dtype) {
  case DType::f32:
    return Element::f32;
  case DType::f64:
    return Element::f64;
  case DType::i32:
    return Element::i32;
  case DType::i64:
    return Element::i64;
  case DType::boolean:
    return Element::boolean;
  case DType::f16:
    return Element::f16;
  case DType::bf16:
    return Element::bf16;
  case DType::i8:
    return Element::i8;
  case DType::u8:
    return Element::u8;
  }
  llvm_unreachable("all element types are listed");
}

//===-- Known elements --------------------------------------------------------------------------------------------===//

void Known::add(const Known &from, int64_t index) {
  if (isReal())
    reals.push_back(from.reals[(size_t)index]);
  else
    integers.push_back(from.integers[(size_t)index]);
}

template <typename T, typename List> static void read(const Array &array, List &list) {
  for (size_t at = 0; at < array.bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, array.bytes.data() + at, sizeof(T));
    list.push_back(value);
  }
}

std::optional<Known> knownElements(const Array &array) {
  if (array.count() > mostKnown) return std::nullopt;
  Known result{array.element, array.shape, {}, {}};
  switch (array.element) {
  case Element::f32:
    read<float>(array, result.reals);
    break;
  case Element::f64:
    read<double>(array, result.reals);
    break;
  case Element::i32:
    read<int32_t>(array, result.integers);
    break;
  case Element::i64:
    read<int64_t>(array, result.integers);
    break;
  case Element::boolean:
  case Element::i8:
    read<int8_t>(array, result.integers);
    break;
  case Element::u8:
    read<uint8_t>(array, result.integers);
    break;
  default:
    return std::nullopt;
  }
  return result;
}

const Known *Importer::known(Operand &operand, bool take) {
  if (operand.known) return operand.known.get();
  const Array *array = operand.array ? operand.array.get() : take ? operand.offered : nullptr;
  if (!array) return nullptr;
  std::optional<Known> elements = knownElements(*array);
  if (elements) operand.known = std::make_shared<Known>(std::move(*elements));
  return operand.known.get();
}

//===-- Tensors ---------------------------------------------------------------------------------------------------===//

Tensor Importer::tensor(Operand &operand) {
  // An input whose elements were taken is a constant from then on.
  if (operand.tensor && !(operand.offered && operand.known)) return *operand.tensor;
  if (operand.offered && operand.known) return constant(*operand.known);
  if (operand.array) {
    bool large = isFloat(dtypeOf(operand.array->element)) && operand.array->count() > mostConstants;
    operand.tensor = large ? parameter(operand) : constant(*operand.array);
  } else {
    operand.tensor = constant(*operand.known);
  }
  return *operand.tensor;
}

Tensor Importer::constant(const Array &array) {
  auto type = mlir::RankedTensorType::get(array.shape, program().element(dtypeOf(array.element)));
  mlir::DenseElementsAttr values;
  if (array.element == Element::boolean) {
    SmallVector<bool> bits;
    for (char byte : array.bytes) bits.push_back(byte != 0);
    values = mlir::DenseElementsAttr::get(type, llvm::ArrayRef<bool>(bits));
  } else {
    values =
        mlir::DenseElementsAttr::getFromRawBuffer(type, llvm::ArrayRef<char>(array.bytes.data(), array.bytes.size()));
  }
  return program().tensor(program().make<ConstantOp>(Site::here(), values));
}

Tensor Importer::constant(const Known &known) {
  auto type = mlir::RankedTensorType::get(known.shape, program().element(dtypeOf(known.element)));
  SmallVector<mlir::Attribute> values;
  std::vector<Tensor> sizes; // where one depends on a symbol, all are made one by one
  bool open = llvm::any_of(known.integers, [](const Dim &size) { return !size.constant(); });
  for (int64_t index = 0; index < known.count(); ++index) {
    if (known.isReal()) {
      values.push_back(program().builder.getFloatAttr(type.getElementType(), known.reals[index]));
    } else if (!open) {
      values.push_back(mlir::IntegerAttr::get(type.getElementType(), *known.integers[index].constant()));
    } else {
      DimsAttr dims = program().shapes.dims({program().size(known.integers[index], Site::here())});
      auto scalar = mlir::RankedTensorType::get({}, type.getElementType());
      sizes.push_back(program().tensor(program().makeAs<SizeOp>(Site::here(), scalar, dims)));
    }
  }
  if (!open)
    return program().tensor(program().make<ConstantOp>(Site::here(), mlir::DenseElementsAttr::get(type, values)));
  Shape shape(known.shape.begin(), known.shape.end());
  return reshape(stack(sizes, 0), shape);
}

Tensor Importer::parameter(const Operand &operand) {
  std::string name = operand.name;
  while (llvm::is_contained({"model", "forward", "gradients", "update", "train_step"}, name) ||
         !program().parameters.insert(name).second)
    name += "_";
  auto type = mlir::RankedTensorType::get(operand.array->shape, program().element(dtypeOf(operand.array->element)));
  {
    mlir::OpBuilder::InsertionGuard guard(program().builder);
    program().builder.setInsertionPoint(program().function);
    auto state = StateOp::create(program().builder, *program().place, name, "parameter", type);
    state.setDecay(operand.array->shape.size() >= 2);
  }
  parameters.push_back(operand.array);
  if (name != operand.array->name) {
    auto renamed = std::make_shared<Array>(*operand.array);
    renamed->name = name;
    parameters.back() = renamed;
  }
  return program().tensor(LoadOp::create(program().builder, *program().place, type, name));
}

} // namespace fovea::onnx
