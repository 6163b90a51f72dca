// The IDX header is checked against the file's size before the values are taken, so that no header, however wrong,
// costs more memory than its file justifies.
#include "formats/Idx.h"

#include "formats/Error.h"
#include "formats/Gzip.h"
#include "formats/Shape.h"

#include <algorithm>
#include <string>

namespace fovea::formats {
namespace {

constexpr uint8_t unsignedByte = 0x08; // the type code in the third byte of the magic number
constexpr size_t largestRank = 255;    // the fourth byte

size_t headerSize(size_t rank) { return 4 + 4 * rank; }

void checkMagic(const Bytes &header, size_t rank, const std::string &name) {
  if (header.size() < 4 || header[0] != 0 || header[1] != 0)
    throw Error(name + ": is not an IDX file: it does not start with IDX's two zero bytes and a type");
  if (header[2] != unsignedByte)
    throw Error(name + ": holds values of IDX type " + std::to_string(header[2]) +
                ", but only unsigned bytes (type 8) are read: convert it");
  if (header[3] != rank)
    throw Error(name + ": has " + std::to_string(header[3]) + " dimensions, but " + std::to_string(rank) +
                " are expected: are images (3) and labels (1) mixed up?");
  if (header.size() < headerSize(rank))
    throw Error(name + ": ends after " + std::to_string(header.size()) + " bytes, within its header of " +
                std::to_string(headerSize(rank)) + ": the file is cut off, get it anew");
}

std::vector<int64_t> readShape(const Bytes &header, size_t rank) {
  std::vector<int64_t> shape(rank);
  for (size_t i = 0; i < rank; ++i)
    for (size_t byte = 0; byte < 4; ++byte) shape[i] = shape[i] << 8 | header[4 + 4 * i + byte];
  return shape;
}

void checkShape(const std::vector<int64_t> &shape, const std::string &name) {
  if (shape.size() > largestRank)
    throw Error(name + ": an IDX file has 255 dimensions at most, not " + std::to_string(shape.size()));
  for (int64_t extent : shape)
    if (extent < 0 || extent > UINT32_MAX)
      throw Error(name + ": dimension " + std::to_string(extent) + " of " + shapeText(shape) +
                  " does not fit IDX's 32 bits");
}

} // namespace

IdxArray readIdx(const std::filesystem::path &path, size_t rank) {
  return parseIdx(readFile(path), rank, path.string());
}

IdxArray parseIdx(Bytes content, size_t rank, const std::string &name) {
  const size_t header = headerSize(rank);
  const bool compressed = isGzip(content);
  const Bytes start = compressed ? gunzip(content, header, name)
                                 : Bytes(content.begin(), content.begin() + std::min(content.size(), header));
  checkMagic(start, rank, name);

  IdxArray array{readShape(start, rank), {}};
  const size_t limit = compressed ? content.size() * largestInflation : content.size();
  const size_t count = countWithin(array.shape, limit);
  if (count > limit)
    throw Error(name + ": its header promises " + shapeText(array.shape) + " values, more than a file of " +
                std::to_string(content.size()) + " bytes can hold: the file is damaged or cut off, get it anew");
  if (compressed) content = gunzip(content, header + count + 1, name);
  if (content.size() != header + count)
    throw Error(name + ": its header promises " + shapeText(array.shape) + " = " + std::to_string(count) +
                " values, but " +
                (content.size() > header + count ? "more" : "only " + std::to_string(content.size() - header)) +
                " follow: the file is damaged or cut off, get it anew");
  array.values.assign(content.begin() + header, content.end());
  return array;
}

void writeIdx(const std::filesystem::path &path, const IdxArray &array) {
  checkShape(array.shape, path.string());
  if (countWithin(array.shape, array.values.size()) != array.values.size())
    throw Error(path.string() + ": cannot write " + std::to_string(array.values.size()) + " values as IDX of shape " +
                shapeText(array.shape) + ": the product of the shape must be the number of values");
  Bytes content{0, 0, unsignedByte, static_cast<uint8_t>(array.shape.size())};
  for (int64_t extent : array.shape)
    for (int shift = 24; shift >= 0; shift -= 8) content.push_back(static_cast<uint8_t>(extent >> shift));
  content.insert(content.end(), array.values.begin(), array.values.end());
  writeFile(path, content.data(), content.size());
}

} // namespace fovea::formats
