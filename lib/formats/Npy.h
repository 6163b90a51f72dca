// NumPy's files: .npy holds one array, .npz is a zip archive of named ones. Neither has bfloat16; big-endian values and
// types that Fovea does not have are refused, Python objects above all.
#ifndef FOVEA_FORMATS_NPY_H
#define FOVEA_FORMATS_NPY_H

#include "formats/File.h"
#include "runtime/program.h"

#include <map>
#include <string>

namespace fovea::formats {

struct NpyArray {
  fovea_dtype dtype = FOVEA_F32;
  std::vector<int64_t> shape;
  Bytes values; // row-major, little-endian; as many bytes as shape and dtype make
};

/// By their names, without the `.npy` that the archive has behind each.
using NpzArrays = std::map<std::string, NpyArray>;

/// Reads a .npy file of version 1, 2 or 3; values in Fortran's order are put into rows. Throws fovea::Error where the
/// file is missing, is no .npy, has a damaged header, another type than fovea_dtype's, more than 64 dimensions, or
/// holds fewer or more bytes than shape and type make.
NpyArray readNpy(const std::filesystem::path &path);

/// The same from a file's content; messages begin with `name`.
NpyArray parseNpy(const Bytes &content, const std::string &name);

/// Reads all arrays of a .npz file, stored or deflated. Throws fovea::Error as readNpy does, with the array's name, and
/// where the archive is damaged, encrypted, has a name twice, or promises more than its bytes can hold (found before
/// memory is taken).
NpzArrays readNpz(const std::filesystem::path &path);
NpzArrays parseNpz(const Bytes &content, const std::string &name);

/// Writes a .npy file of version 1, atomically. Throws fovea::Error where shape and values disagree, the type is
/// bfloat16, there are more than 64 dimensions, or the file cannot be written.
void writeNpy(const std::filesystem::path &path, const NpyArray &array);

/// Writes a .npz file, atomically: stored, or deflated where `compress`. The same arrays make the same bytes. Throws
/// fovea::Error as writeNpy does, and where a name is empty, too long, or no UTF-8.
void writeNpz(const std::filesystem::path &path, const NpzArrays &arrays, bool compress = false);

/// What writeNpy and writeNpz write; messages begin with `name`.
Bytes npyContent(const NpyArray &array, const std::string &name);
Bytes npzContent(const NpzArrays &arrays, bool compress, const std::string &name);

} // namespace fovea::formats

#endif
