// ONNX models made in a test, a line for each thing.
#pragma once

#include "onnx-ml.pb.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace fovea::onnx::test {

using Names = std::vector<std::string>;
constexpr int f32 = ::onnx::TensorProto::FLOAT, f64 = ::onnx::TensorProto::DOUBLE, i32 = ::onnx::TensorProto::INT32,
              i64 = ::onnx::TensorProto::INT64, boolean = ::onnx::TensorProto::BOOL, f16 = ::onnx::TensorProto::FLOAT16;

template <typename T>
::onnx::TensorProto tensor(const std::string &name, int type, const std::vector<int64_t> &shape,
                           const std::vector<T> &values) {
  ::onnx::TensorProto result;
  result.set_name(name);
  result.set_data_type(type);
  for (int64_t size : shape) result.add_dims(size);
  result.set_raw_data(std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)));
  return result;
}

struct Attr {
  ::onnx::AttributeProto proto;
  Attr(const char *name, int64_t value) : Attr(name, ::onnx::AttributeProto::INT) { proto.set_i(value); }
  Attr(const char *name, int value) : Attr(name, int64_t(value)) {}
  Attr(const char *name, float value) : Attr(name, ::onnx::AttributeProto::FLOAT) { proto.set_f(value); }
  Attr(const char *name, const char *value) : Attr(name, ::onnx::AttributeProto::STRING) { proto.set_s(value); }
  Attr(const char *name, const std::vector<int64_t> &values) : Attr(name, ::onnx::AttributeProto::INTS) {
    for (int64_t value : values) proto.add_ints(value);
  }
  Attr(const char *name, const ::onnx::TensorProto &value) : Attr(name, ::onnx::AttributeProto::TENSOR) {
    *proto.mutable_t() = value;
  }
  Attr(const char *name, const ::onnx::GraphProto &value) : Attr(name, ::onnx::AttributeProto::GRAPH) {
    *proto.mutable_g() = value;
  }
  static Attr reference(const char *name, const char *of) {
    Attr result(name, ::onnx::AttributeProto::INT);
    result.proto.set_ref_attr_name(of);
    return result;
  }

private:
  Attr(const char *name, ::onnx::AttributeProto::AttributeType type) {
    proto.set_name(name);
    proto.set_type(type);
  }
};
using Attrs = std::vector<Attr>;

template <typename Owner>
::onnx::NodeProto &addNode(Owner &owner, const std::string &op, const Names &inputs, const Names &outputs,
                           const Attrs &attributes = {}) {
  ::onnx::NodeProto &node = *owner.add_node();
  node.set_op_type(op);
  node.set_name("the_" + op);
  for (const std::string &input : inputs) node.add_input(input);
  for (const std::string &output : outputs) node.add_output(output);
  for (const Attr &attribute : attributes) *node.add_attribute() = attribute.proto;
  return node;
}

/// Sizes of -1 are open, under the name `batch`.
inline ::onnx::ValueInfoProto value(const std::string &name, int type, const std::vector<int64_t> &shape) {
  ::onnx::ValueInfoProto result;
  result.set_name(name);
  auto &tensor = *result.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  tensor.mutable_shape();
  for (int64_t size : shape) {
    auto &dim = *tensor.mutable_shape()->add_dim();
    size == -1 ? dim.set_dim_param("batch") : dim.set_dim_value(size);
  }
  return result;
}

struct ModelBuilder {
  ::onnx::ModelProto proto;
  explicit ModelBuilder(int64_t opset = 22) {
    proto.set_ir_version(10);
    opsetOf("", opset);
    proto.mutable_graph()->set_name("test");
  }
  ::onnx::GraphProto &graph() { return *proto.mutable_graph(); }
  ModelBuilder &opsetOf(const std::string &domain, int64_t version) {
    auto &opset = *proto.add_opset_import();
    opset.set_domain(domain);
    opset.set_version(version);
    return *this;
  }
  ModelBuilder &input(const std::string &name, int type, const std::vector<int64_t> &shape) {
    *graph().add_input() = value(name, type, shape);
    return *this;
  }
  ModelBuilder &output(const std::string &name, int type = f32, const std::vector<int64_t> &shape = {}) {
    *graph().add_output() = value(name, type, shape);
    return *this;
  }
  template <typename T>
  ModelBuilder &initializer(const std::string &name, int type, const std::vector<int64_t> &shape,
                            const std::vector<T> &values) {
    *graph().add_initializer() = tensor(name, type, shape, values);
    return *this;
  }
  ModelBuilder &node(const std::string &op, const Names &inputs, const Names &outputs, const Attrs &attributes = {},
                     const std::string &domain = "") {
    addNode(graph(), op, inputs, outputs, attributes).set_domain(domain);
    return *this;
  }
  std::filesystem::path write(const std::filesystem::path &path) const {
    std::ofstream(path, std::ios::binary) << proto.SerializeAsString();
    return path;
  }
};

} // namespace fovea::onnx::test
