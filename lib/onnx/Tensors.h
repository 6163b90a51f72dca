// Tensors of the file format, in the file or beside it, as arrays.
#ifndef FOVEA_ONNX_TENSORS_H
#define FOVEA_ONNX_TENSORS_H

#include "onnx/Graph.h"

#include "onnx-ml.pb.h"

namespace fovea::onnx {

/// Takes the tensor apart. `file` is named in messages; external data is looked for in its folder only.
Array takeArray(::onnx::TensorProto &tensor, const std::filesystem::path &file);

} // namespace fovea::onnx

#endif
