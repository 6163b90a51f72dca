// One array (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a magic number, a version, the
// header's length, the header as a Python dictionary, the values. The header is checked against the file's size before
// the values are taken.
#include "formats/Npy.h"

#include "formats/Error.h"
#include "formats/Shape.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace fovea::formats {
namespace {

constexpr char magic[] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};
constexpr size_t startSize = sizeof magic + 2; // with the version
constexpr size_t largestRank = 64;             // NumPy's own
constexpr size_t alignment = 64;               // of the values in a file that is written

struct Type {
  const char *text;
  fovea_dtype dtype;
  size_t bytes;
};
constexpr Type types[] = {{"<f4", FOVEA_F32, 4}, {"<f8", FOVEA_F64, 8}, {"<f2", FOVEA_F16, 2}, {"<i4", FOVEA_I32, 4},
                          {"<i8", FOVEA_I64, 8}, {"|i1", FOVEA_I8, 1},  {"|u1", FOVEA_U8, 1},  {"|b1", FOVEA_BOOL, 1}};

/// The header's dictionary, read from left to right.
class Header {
public:
  Header(std::string_view text, const std::string &name) : text(text), name(name) {}

  const Type *type = nullptr;
  bool columnMajor = false;
  std::vector<int64_t> shape;

  void read() {
    bool seen[3] = {};
    require('{');
    while (!accept('}')) {
      std::string_view key = string();
      const size_t which = static_cast<size_t>(std::find(std::begin(keys), std::end(keys), key) - std::begin(keys));
      if (which == std::size(keys) || seen[which])
        fail("has an unknown or repeated key '" + std::string(key.substr(0, 40)) + "'");
      seen[which] = true;
      require(':');
      if (which == 0) readType();
      if (which == 1) columnMajor = boolean();
      if (which == 2) readShape();
      if (accept(',')) continue;
      require('}');
      break;
    }
    skipSpace();
    if (at != text.size()) fail("goes on behind its end, at character " + std::to_string(at));
    for (size_t which = 0; which < std::size(keys); ++which)
      if (!seen[which]) fail("has no '" + std::string(keys[which]) + "'");
  }

private:
  static constexpr std::string_view keys[] = {"descr", "fortran_order", "shape"};

  [[noreturn]] void fail(const std::string &what) const {
    throw Error(name + ": its header " + what + ": the file is damaged, or not as NumPy writes it");
  }
  [[noreturn]] void expected(const char *what) const {
    fail("has no " + std::string(what) + " at character " + std::to_string(at));
  }
  void skipSpace() {
    while (at < text.size() && std::strchr(" \t\n", text[at]) && text[at]) ++at;
  }
  bool accept(char character) {
    skipSpace();
    if (at == text.size() || text[at] != character) return false;
    ++at;
    return true;
  }
  void require(char character) {
    const char quoted[] = {'\'', character, '\'', 0};
    if (!accept(character)) expected(quoted);
  }
  bool acceptWord(std::string_view word) {
    skipSpace();
    if (text.substr(at, word.size()) != word) return false;
    at += word.size();
    return true;
  }

  std::string_view string() {
    skipSpace();
    if (at == text.size() || (text[at] != '\'' && text[at] != '"')) expected("string");
    const size_t end = text.find(text[at], at + 1);
    if (end == std::string_view::npos) expected("end of the string");
    std::string_view result = text.substr(at + 1, end - at - 1);
    at = end + 1;
    return result;
  }
  bool boolean() {
    if (acceptWord("True")) return true;
    if (!acceptWord("False")) expected("True or False");
    return false;
  }
  int64_t integer() {
    skipSpace();
    int64_t value = 0;
    const size_t start = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
      if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text[at] - '0', &value))
        fail("has a dimension beyond 2^63");
    if (at == start) expected("number");
    return value;
  }

  void readType() {
    skipSpace();
    if (at < text.size() && text[at] == '[')
      throw Error(name + ": holds records of several fields, but only plain values are read: save each field alone");
    const std::string_view given = string();
    for (const Type &each : types)
      if (given == each.text) type = &each;
    if (type) return;
    const std::string found = name + ": holds values of NumPy's type '" + std::string(given.substr(0, 40)) + "'";
    if (!given.empty() && given[0] == '>')
      throw Error(found + ", which is big-endian, but only little-endian ones are read: convert it with astype");
    throw Error(found + ", but only f2, f4, f8, i1, i4, i8, u1 and b1 are read: convert it with astype");
  }

  void readShape() {
    require('(');
    while (!accept(')')) {
      shape.push_back(integer());
      if (shape.size() > largestRank) fail("has more than 64 dimensions");
      if (accept(',')) continue;
      require(')');
      break;
    }
  }

  std::string_view text;
  const std::string &name;
  size_t at = 0;
};

/// The length of what stands before the header, and of both.
struct Extents {
  size_t start, end;
};

Extents headerExtents(const Bytes &content, const std::string &name) {
  if (content.size() < startSize || std::memcmp(content.data(), magic, sizeof magic) != 0)
    throw Error(name + ": is not a .npy file: it does not start with \\x93NUMPY and a version");
  const int version = content[sizeof magic];
  if (version < 1 || version > 3)
    throw Error(name + ": is of .npy version " + std::to_string(version) +
                ", but 1, 2 and 3 are known: save it with another version of NumPy");
  Extents result{startSize + (version == 1 ? 2u : 4u), 0};
  for (size_t at = startSize; at < result.start && at < content.size(); ++at)
    result.end |= static_cast<size_t>(content[at]) << (8 * (at - startSize));
  result.end += result.start;
  if (content.size() < result.end)
    throw Error(name + ": ends after " + std::to_string(content.size()) + " bytes, within its header of " +
                std::to_string(result.end) + ": the file is cut off, get it anew");
  return result;
}

/// Values in Fortran's order, the first dimension fastest, to rows.
Bytes inRows(const uint8_t *values, const std::vector<int64_t> &shape, size_t bytes, size_t size) {
  Bytes result(size);
  std::vector<size_t> index(shape.size()), strides(shape.size());
  for (size_t axis = 0, stride = bytes; axis < shape.size(); ++axis) {
    strides[axis] = stride;
    stride *= static_cast<size_t>(shape[axis]);
  }
  size_t from = 0;
  for (size_t to = 0; to < size; to += bytes) {
    std::memcpy(result.data() + to, values + from, bytes);
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += strides[axis];
      if (++index[axis] < static_cast<size_t>(shape[axis])) break;
      from -= index[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return result;
}

std::string headerText(const NpyArray &array, const Type &type) {
  std::string text = "{'descr': '" + std::string(type.text) + "', 'fortran_order': False, 'shape': (";
  for (size_t axis = 0; axis < array.shape.size(); ++axis)
    text += (axis ? ", " : "") + std::to_string(array.shape[axis]);
  text += array.shape.size() == 1 ? ",), }" : "), }";
  const size_t length = startSize + 2 + text.size() + 1;
  text.append((alignment - length % alignment) % alignment, ' ');
  return text + '\n';
}

} // namespace

NpyArray readNpy(const std::filesystem::path &path) { return parseNpy(readFile(path), path.string()); }

NpyArray parseNpy(const Bytes &content, const std::string &name) {
  const Extents extents = headerExtents(content, name);
  const char *text = reinterpret_cast<const char *>(content.data());
  Header header({text + extents.start, extents.end - extents.start}, name);
  header.read();
  const size_t present = content.size() - extents.end, bytes = header.type->bytes;
  const size_t count = countWithin(header.shape, present / bytes + 1);
  if (count * bytes != present)
    throw Error(name + ": its header promises " + shapeText(header.shape) + " values of " + std::to_string(bytes) +
                " bytes, but " + std::to_string(present) +
                " bytes follow: the file is damaged or cut off, get it anew");
  NpyArray array{header.type->dtype, std::move(header.shape), {}};
  const uint8_t *values = content.data() + extents.end;
  if (header.columnMajor)
    array.values = inRows(values, array.shape, bytes, present);
  else
    array.values.assign(values, values + present);
  return array;
}

Bytes npyContent(const NpyArray &array, const std::string &name) {
  const Type *type =
      std::find_if(std::begin(types), std::end(types), [&](const Type &each) { return each.dtype == array.dtype; });
  if (type == std::end(types)) throw Error(name + ": NumPy's format has no bfloat16: convert the values to float32");
  if (array.shape.size() > largestRank)
    throw Error(name + ": a .npy file has 64 dimensions at most, not " + std::to_string(array.shape.size()));
  const bool negative = std::any_of(array.shape.begin(), array.shape.end(), [](int64_t extent) { return extent < 0; });
  if (negative || countWithin(array.shape, array.values.size() / type->bytes) * type->bytes != array.values.size())
    throw Error(name + ": cannot write " + std::to_string(array.values.size()) + " bytes as " + shapeText(array.shape) +
                " values of " + std::to_string(type->bytes) +
                " bytes: the product of the shape and the type must be the number of bytes");
  const std::string header = headerText(array, *type);
  Bytes content(std::begin(magic), std::end(magic));
  for (size_t byte : {size_t(1), size_t(0), header.size() & 0xff, header.size() >> 8})
    content.push_back(static_cast<uint8_t>(byte));
  content.insert(content.end(), header.begin(), header.end());
  content.insert(content.end(), array.values.begin(), array.values.end());
  return content;
}

void writeNpy(const std::filesystem::path &path, const NpyArray &array) {
  const Bytes content = npyContent(array, path.string());
  writeFile(path, content.data(), content.size());
}

} // namespace fovea::formats
