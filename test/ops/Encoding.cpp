// Elements of each precision as bytes.
#include "test/ops/Encoding.h"

namespace fovea::ops {

const llvm::fltSemantics &semanticsOf(Precision precision) {
  switch (precision) {
  case Precision::f32:
    return llvm::APFloat::IEEEsingle();
  case Precision::f64:
    return llvm::APFloat::IEEEdouble();
  case Precision::f16:
    return llvm::APFloat::IEEEhalf();
  case Precision::bf16:
    return llvm::APFloat::BFloat();
  }
  llvm_unreachable("all precisions are listed");
}
llvm::APFloat roundedTo(double value, const llvm::fltSemantics &semantics) {
  llvm::APFloat result(value);
  bool inexact;
  result.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &inexact);
  return result;
}

namespace {

Bytes encodeLow(const Array &array, const llvm::fltSemantics &semantics) {
  std::vector<uint16_t> values;
  for (double value : array.values) values.push_back(roundedTo(value, semantics).bitcastToAPInt().getZExtValue());
  return Bytes((uint8_t *)values.data(), (uint8_t *)(values.data() + values.size()));
}
std::vector<double> decodeLow(const Bytes &bytes, const llvm::fltSemantics &semantics) {
  const auto *values = (const uint16_t *)bytes.data();
  std::vector<double> result;
  for (size_t at = 0; at < bytes.size() / 2; ++at)
    result.push_back(llvm::APFloat(semantics, llvm::APInt(16, values[at])).convertToDouble());
  return result;
}

template <typename T> Bytes encodeAs(const Array &array) {
  std::vector<T> values(array.values.begin(), array.values.end());
  return Bytes((uint8_t *)values.data(), (uint8_t *)(values.data() + values.size()));
}
template <typename T> std::vector<double> decodeAs(const Bytes &bytes) {
  const T *values = (const T *)bytes.data();
  return {values, values + bytes.size() / sizeof(T)};
}

} // namespace

Bytes encode(const Array &array, mlir::Type element) {
  switch (elementKind(element).dtype) {
  case FOVEA_F32:
    return encodeAs<float>(array);
  case FOVEA_F64:
    return encodeAs<double>(array);
  case FOVEA_F16:
    return encodeLow(array, semanticsOf(Precision::f16));
  case FOVEA_BF16:
    return encodeLow(array, semanticsOf(Precision::bf16));
  case FOVEA_I32:
    return encodeAs<int32_t>(array);
  case FOVEA_I64:
    return encodeAs<int64_t>(array);
  default:
    return encodeAs<uint8_t>(array);
  }
}
std::vector<double> decode(const Bytes &bytes, mlir::Type element) {
  switch (elementKind(element).dtype) {
  case FOVEA_F32:
    return decodeAs<float>(bytes);
  case FOVEA_F64:
    return decodeAs<double>(bytes);
  case FOVEA_F16:
    return decodeLow(bytes, semanticsOf(Precision::f16));
  case FOVEA_BF16:
    return decodeLow(bytes, semanticsOf(Precision::bf16));
  case FOVEA_I32:
    return decodeAs<int32_t>(bytes);
  case FOVEA_I64:
    return decodeAs<int64_t>(bytes);
  default:
    return decodeAs<uint8_t>(bytes);
  }
}

} // namespace fovea::ops
