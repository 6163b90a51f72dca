// An ONNX model as plain data, read from its file and checked. Free of MLIR and of protobuf.
//
// What is checked: the file is a protobuf message of a model; tensors hold as many bytes as their type and shape say;
// external data lies in the model's folder; every name is given once and before it is read (nodes are put in such an
// order where they are not in one already). Each mistake is a fovea::Error that names the file and the tensor or node.
#ifndef FOVEA_ONNX_GRAPH_H
#define FOVEA_ONNX_GRAPH_H

#include "formats/Error.h"
#include "formats/File.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fovea::onnx {

/// Element types, by their numbers in the format (TensorProto.DataType). Others exist; elementName knows them.
enum class Element : int32_t {
  undefined,
  f32,
  u8,
  i8,
  u16,
  i16,
  i32,
  i64,
  string,
  boolean,
  f16,
  f64,
  u32,
  u64,
  complex64,
  complex128,
  bf16
};
/// `float16`; `type 99` where the number is not known.
std::string elementName(Element element);
/// Bits of one element; 0 for strings and unknown types.
int64_t elementBits(Element element);

struct Array {
  std::string name;
  Element element = Element::undefined;
  std::vector<int64_t> shape;
  std::string bytes; // row-major, little-endian; types below a byte are packed; empty for strings
  int64_t count() const;
};

struct Graph;

struct Attribute {
  enum class Kind { number, integer, text, array, graph, numbers, integers, texts, reference, other };
  Kind kind = Kind::other;
  double number = 0;
  int64_t integer = 0;
  std::string text; // of a reference: the attribute of the function's call that it stands for
  std::vector<double> numbers;
  std::vector<int64_t> integers;
  std::vector<std::string> texts;
  std::shared_ptr<const Array> array;
  std::shared_ptr<const Graph> graph;
};
using Attributes = std::map<std::string, Attribute>;

struct Node {
  std::string name, op, domain, overload;
  std::vector<std::string> inputs, outputs; // empty names: left out
  Attributes attributes;
};

/// One size of a declared shape: a number, or a name, or neither.
struct Size {
  std::optional<int64_t> number;
  std::string name;
};

struct Declared {
  std::string name;
  std::string kind; // `tensor`, `sequence`, `optional`, `map`, `sparse tensor`, `opaque`, or empty: not declared
  Element element = Element::undefined;
  std::optional<std::vector<Size>> shape;
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::vector<std::shared_ptr<const Array>> initializers;
  std::vector<Declared> inputs, outputs;
};

using Opsets = std::map<std::string, int64_t>; // versions by domain; ai.onnx is the empty name

/// An op defined by nodes of the model itself.
struct Function {
  std::string domain, name, overload;
  std::vector<std::string> inputs, outputs;
  std::vector<std::string> attributes; // that a call must give
  Attributes defaults;                 // of those that it may give
  Opsets opsets;
  std::vector<Node> nodes;
};

struct Model {
  Graph graph;
  Opsets opsets;
  std::vector<Function> functions;
  const Function *function(const std::string &domain, const std::string &name, const std::string &overload) const;
};

/// Reads and checks a model file with its external data.
Model readModel(const std::filesystem::path &path);

/// The same of a file's content; `path` is named in messages, and external data is looked for beside it.
Model parseModel(const formats::Bytes &content, const std::filesystem::path &path);

/// Reads a file that holds one tensor (TensorProto), as the official test cases do.
Array readArray(const std::filesystem::path &path);

} // namespace fovea::onnx

#endif
