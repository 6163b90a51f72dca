// ONNX models as Fovea models, at the `model` stage.
//
// Floating-point initializers of more than a few elements become parameters of the same name; their values are handed
// back, for NAME.safetensors. Small and integer ones become constants, and what is computed from sizes and integers
// alone is computed here. One named size, the leading one of inputs, may stay open: it becomes a symbol.
#pragma once

#include "lib/onnx/Graph.h"

#include <fovea/Model.h>

namespace fovea::onnx {

struct ImportOptions {
  std::string name; // of the model; a C identifier
  /// Values of inputs that may become constants: those are taken of which an op needs to know the elements when
  /// importing. They are no inputs of the compiled model then.
  std::map<std::string, Array> known;
};

/// An input or output: its name in the file, and as a C identifier.
struct Port {
  std::string name, identifier;
};

struct Imported {
  fovea::Model model;
  std::vector<std::shared_ptr<const Array>> parameters;
  std::vector<Port> inputs, outputs;
};

/// Throws Error. Where ops cannot be imported it is an UnsupportedModel, whose message has one line for each of them:
/// node, op, version, reason. `path` is named in messages.
Imported importModel(const std::filesystem::path &path, const Model &file, const ImportOptions &options);
Imported importModel(const std::filesystem::path &path, const ImportOptions &options);

class UnsupportedModel : public Error {
public:
  using Error::Error;
};

/// Bytes of a safetensors file with these values go to `path`. Throws Error where it cannot be written.
void writeParameters(const std::filesystem::path &path, const std::vector<std::shared_ptr<const Array>> &parameters);

/// `text` with everything that a C identifier cannot have replaced by _.
std::string identifier(const std::string &text);

} // namespace fovea::onnx
