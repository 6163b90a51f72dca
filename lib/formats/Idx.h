// IDX, the format of MNIST: a magic number, big-endian dimensions, then the values. Only unsigned bytes are read and
// written, which is what images (count, rows, columns) and labels (count) are made of.
#ifndef FOVEA_FORMATS_IDX_H
#define FOVEA_FORMATS_IDX_H

#include "formats/File.h"

#include <string>

namespace fovea::formats {

struct IdxArray {
  std::vector<int64_t> shape;
  Bytes values; // row-major; as many as the product of shape
};

/// Reads an IDX file, plain or gzip (told by its content), that must hold unsigned bytes of this rank. Throws
/// fovea::Error where the file is missing, is not IDX, has another type or rank, holds fewer or more values than its
/// dimensions say, or promises more than a file of its size can hold (found before memory is taken).
IdxArray readIdx(const std::filesystem::path &path, size_t rank);

/// The same from a file's content; messages begin with `name`.
IdxArray parseIdx(Bytes content, size_t rank, const std::string &name);

/// Writes an uncompressed IDX file, atomically. Throws fovea::Error where shape and values disagree, a dimension does
/// not fit 32 bits, or the file cannot be written.
void writeIdx(const std::filesystem::path &path, const IdxArray &array);

} // namespace fovea::formats

#endif
