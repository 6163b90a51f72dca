// What is known about ONNX's element types, and look-ups in the plain data.
#include "onnx/Graph.h"

namespace fovea::onnx {

namespace {
struct Kind {
  const char *name;
  int64_t bits;
};
/// By number.
constexpr Kind kinds[] = {
    {"undefined", 0},      {"float", 32},    {"uint8", 8},        {"int8", 8},           {"uint16", 16},
    {"int16", 16},         {"int32", 32},    {"int64", 64},       {"string", 0},         {"bool", 8},
    {"float16", 16},       {"double", 64},   {"uint32", 32},      {"uint64", 64},        {"complex64", 64},
    {"complex128", 128},   {"bfloat16", 16}, {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
    {"float8e5m2fnuz", 8}, {"uint4", 4},     {"int4", 4},         {"float4e2m1", 4},     {"float8e8m0", 8},
    {"uint2", 2},          {"int2", 2},      {"float6e2m3", 6},   {"float6e3m2", 6}};

const Kind *kindOf(Element element) {
  size_t index = static_cast<size_t>(element);
  return index < std::size(kinds) ? &kinds[index] : nullptr;
}
} // namespace

std::string elementName(Element element) {
  const Kind *kind = kindOf(element);
  return kind ? kind->name : "type " + std::to_string(static_cast<int32_t>(element));
}

int64_t elementBits(Element element) {
  const Kind *kind = kindOf(element);
  return kind ? kind->bits : 0;
}

int64_t Array::count() const {
  for (int64_t size : shape)
    if (size == 0) return 0;
  int64_t result = 1;
  for (int64_t size : shape) result *= size; // the reader has seen to it that this does not overflow
  return result;
}

const Function *Model::function(const std::string &domain, const std::string &name, const std::string &overload) const {
  for (const Function &each : functions)
    if (each.domain == domain && each.name == name && each.overload == overload) return &each;
  return nullptr;
}

} // namespace fovea::onnx
