// Tensors to arrays: typed fields, raw bytes, external files; each checked against the shape before it is read.
#include "onnx/Tensors.h"

#include <cstring>
#include <fstream>

namespace fovea::onnx {
namespace {

namespace fs = std::filesystem;

class Taker {
public:
  Taker(::onnx::TensorProto &tensor, const fs::path &file) : tensor(tensor), file(file) {}

  Array take() {
    array.name = tensor.name();
    array.element = static_cast<Element>(tensor.data_type());
    array.shape.assign(tensor.dims().begin(), tensor.dims().end());
    if (tensor.has_segment()) fail("is in segments, which are not supported: store it whole");
    int64_t bits = elementBits(array.element);
    if (bits == 0 && array.element != Element::string)
      fail("is of " + elementName(array.element) + ", which no tensor can be");
    size_t bytes = byteCount(bits);
    if (tensor.data_location() == ::onnx::TensorProto::EXTERNAL) {
      readExternal(bytes);
    } else if (array.element == Element::string) {
      if (tensor.string_data_size() != array.count()) expected(tensor.string_data_size(), "strings", array.count());
    } else if (tensor.has_raw_data()) {
      if (tensor.raw_data().size() != bytes) expected(tensor.raw_data().size(), "bytes", bytes);
      array.bytes = std::move(*tensor.mutable_raw_data());
    } else {
      takeTyped(bytes);
    }
    return std::move(array);
  }

private:
  [[noreturn]] void fail(const std::string &what) const {
    throw Error(file.string() + ": tensor '" + tensor.name() + "' " + what);
  }
  template <typename A, typename B> [[noreturn]] void expected(A found, const char *what, B needed) const {
    fail("has " + std::to_string(found) + " " + what + ", but its shape and type make " + std::to_string(needed));
  }

  size_t byteCount(int64_t bits) const {
    constexpr int64_t most = int64_t(1) << 48;
    int64_t count = 1;
    for (int64_t size : array.shape)
      if (size < 0) fail("has a size of " + std::to_string(size) + ": sizes are not negative");
    for (int64_t size : array.shape)
      if (size == 0) return 0;
    for (int64_t size : array.shape) {
      if (size > most / count) fail("has more than 2^48 elements: no file can hold them");
      count *= size;
    }
    return static_cast<size_t>((count * bits + 7) / 8);
  }

  /// Elements of type T from a field of the message, one each.
  template <typename T, typename Field> void copy(const Field &field, int64_t count) {
    if (field.size() != count) expected(field.size(), "values", count);
    array.bytes.resize(static_cast<size_t>(count) * sizeof(T));
    for (int64_t index = 0; index < count; ++index) {
      T value = static_cast<T>(field.Get(static_cast<int>(index)));
      std::memcpy(array.bytes.data() + static_cast<size_t>(index) * sizeof(T), &value, sizeof(T));
    }
  }

  void takeTyped(size_t bytes) {
    int64_t count = array.count(), units = static_cast<int64_t>(bytes);
    switch (array.element) {
    case Element::f32:
      return copy<float>(tensor.float_data(), count);
    case Element::complex64:
      return copy<float>(tensor.float_data(), 2 * count);
    case Element::f64:
      return copy<double>(tensor.double_data(), count);
    case Element::complex128:
      return copy<double>(tensor.double_data(), 2 * count);
    case Element::i64:
      return copy<int64_t>(tensor.int64_data(), count);
    case Element::u32:
      return copy<uint32_t>(tensor.uint64_data(), count);
    case Element::u64:
      return copy<uint64_t>(tensor.uint64_data(), count);
    case Element::i32:
      return copy<int32_t>(tensor.int32_data(), count);
    case Element::i16:
    case Element::u16:
    case Element::f16:
    case Element::bf16:
      return copy<uint16_t>(tensor.int32_data(), count);
    default: // a byte each, or a byte for several
      return copy<uint8_t>(tensor.int32_data(), units);
    }
  }

  uint64_t entry(const char *key, uint64_t otherwise) const {
    for (const auto &pair : tensor.external_data()) {
      if (pair.key() != key) continue;
      const std::string &text = pair.value();
      bool digits = !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
      if (!digits) fail("has the external " + std::string(key) + " '" + text + "': it must be a number of bytes");
      return std::stoull(text);
    }
    return otherwise;
  }

  /// The path of the external file, which must not lead out of the model's folder, by links neither.
  fs::path externalPath() const {
    std::string location;
    for (const auto &pair : tensor.external_data())
      if (pair.key() == "location") location = pair.value();
    if (location.empty() || location.find('\0') != std::string::npos)
      fail("is external, but names no file: give its location");
    fs::path folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
    std::error_code code;
    fs::path root = fs::canonical(folder, code), path = fs::canonical(folder / location, code);
    if (code) fail("lies in '" + location + "', which cannot be read: " + code.message());
    fs::path inside = path.lexically_relative(root);
    if (fs::path(location).is_absolute() || inside.empty() || *inside.begin() == "..")
      fail("lies in '" + location + "', which is outside the model's folder: put the file into it");
    if (!fs::is_regular_file(path, code)) fail("lies in '" + location + "', which is no regular file");
    return path;
  }

  void readExternal(size_t bytes) {
    if (array.element == Element::string) fail("holds strings in an external file, which the format does not allow");
    fs::path path = externalPath();
    uint64_t size = fs::file_size(path), offset = entry("offset", 0), length = entry("length", bytes);
    if (length != bytes) expected(length, "external bytes", bytes);
    if (offset > size || bytes > size - offset)
      fail("takes bytes " + std::to_string(offset) + " to " + std::to_string(offset + bytes) + " of '" +
           path.filename().string() + "', which has " + std::to_string(size));
    array.bytes.resize(bytes);
    std::ifstream stream(path, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset));
    if (!stream.read(array.bytes.data(), static_cast<std::streamsize>(bytes)))
      fail("cannot be read from '" + path.filename().string() + "'");
  }

  ::onnx::TensorProto &tensor;
  const fs::path &file;
  Array array;
};

} // namespace

Array takeArray(::onnx::TensorProto &tensor, const fs::path &file) { return Taker(tensor, file).take(); }

} // namespace fovea::onnx
