// Parameters' values as a safetensors file, and the entrance to the importer.
#include "lib/onnx/Importer.h"
#include "lib/runtime/Safetensors.h"

namespace fovea::onnx {

Imported importModel(const std::filesystem::path &path, const Model &file, const ImportOptions &options) {
  return Importer(path, file, options).run();
}

Imported importModel(const std::filesystem::path &path, const ImportOptions &options) {
  return importModel(path, readModel(path), options);
}

void writeParameters(const std::filesystem::path &path, const std::vector<std::shared_ptr<const Array>> &parameters) {
  std::vector<fovea_safetensors_tensor> tensors;
  for (const auto &array : parameters) {
    fovea_safetensors_tensor tensor = {};
    tensor.name = array->name.c_str();
    static const std::map<Element, int32_t> dtypes = {
        {Element::f32, FOVEA_F32}, {Element::f64, FOVEA_F64}, {Element::f16, FOVEA_F16}, {Element::bf16, FOVEA_BF16}};
    tensor.dtype = dtypes.at(array->element);
    tensor.rank = static_cast<int32_t>(array->shape.size());
    std::copy(array->shape.begin(), array->shape.end(), tensor.shape);
    tensors.push_back(tensor);
  }
  auto fill = [](void *context, int64_t tensor, int64_t begin, int64_t bytes, void *values) {
    const auto &all = *static_cast<const std::vector<std::shared_ptr<const Array>> *>(context);
    std::copy_n(all[(size_t)tensor]->bytes.data() + begin, bytes, static_cast<char *>(values));
  };
  char message[FOVEA_MESSAGE_BYTES] = "";
  if (fovea_safetensors_write(path.c_str(), tensors.data(), (int64_t)tensors.size(), nullptr, 0, fill,
                              const_cast<std::vector<std::shared_ptr<const Array>> *>(&parameters), message))
    throw Error(message);
}

} // namespace fovea::onnx
