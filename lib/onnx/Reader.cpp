// From a file to plain data.
#include "onnx/Order.h"
#include "onnx/Tensors.h"

#include <limits>

namespace fovea::onnx {
namespace {

namespace fs = std::filesystem;

void checkSize(uintmax_t size, const fs::path &path) {
  constexpr uintmax_t most = std::numeric_limits<int32_t>::max();
  if (size > most)
    throw Error(path.string() + ": has " + std::to_string(size) +
                " bytes, more than the 2^31 - 1 of a protobuf message: keep the weights as external data");
}

formats::Bytes load(const fs::path &path) {
  std::error_code code;
  uintmax_t size = fs::file_size(path, code);
  if (!code) checkSize(size, path);
  return formats::readFile(path);
}

template <typename Message> Message parse(const formats::Bytes &content, const fs::path &path, const char *what) {
  checkSize(content.size(), path);
  Message message;
  if (content.empty() || !message.ParseFromArray(content.data(), static_cast<int>(content.size())))
    throw Error(path.string() + ": is no ONNX " + what + ", or is damaged or cut off");
  return message;
}

const char *kindText(::onnx::TypeProto::ValueCase kind) {
  switch (kind) {
  case ::onnx::TypeProto::kTensorType:
    return "tensor";
  case ::onnx::TypeProto::kSequenceType:
    return "sequence";
  case ::onnx::TypeProto::kMapType:
    return "map";
  case ::onnx::TypeProto::kOptionalType:
    return "optional";
  case ::onnx::TypeProto::kSparseTensorType:
    return "sparse tensor";
  case ::onnx::TypeProto::kOpaqueType:
    return "opaque";
  case ::onnx::TypeProto::VALUE_NOT_SET:
    return "";
  }
  return "";
}

class Reader {
public:
  explicit Reader(const fs::path &path) : path(path), where(path.string() + ": ") {}

  Model read(const formats::Bytes &content) {
    auto message = parse<::onnx::ModelProto>(content, path, "model");
    if (!message.has_graph()) throw Error(where + "holds no graph: it is no ONNX model, or a damaged one");
    Model model;
    model.opsets = opsets(message.opset_import());
    model.graph = graph(*message.mutable_graph(), {});
    for (auto &each : *message.mutable_functions()) model.functions.push_back(function(each));
    return model;
  }

private:
  static std::string domainName(const std::string &name) { return name == "ai.onnx" ? "" : name; }

  template <typename List> Opsets opsets(const List &list) {
    Opsets result;
    for (const auto &each : list) result[domainName(each.domain())] = each.version();
    return result;
  }

  static Declared declared(const ::onnx::ValueInfoProto &info) {
    Declared result;
    result.name = info.name();
    result.kind = kindText(info.type().value_case());
    const auto &tensor = info.type().tensor_type();
    result.element = static_cast<Element>(tensor.elem_type());
    if (!tensor.has_shape()) return result;
    result.shape.emplace();
    for (const auto &dim : tensor.shape().dim()) {
      Size size;
      if (dim.has_dim_value()) size.number = dim.dim_value();
      size.name = dim.dim_param();
      result.shape->push_back(std::move(size));
    }
    return result;
  }

  Attribute attribute(::onnx::AttributeProto &from, const std::set<std::string> &around) {
    using Kind = Attribute::Kind;
    Attribute to;
    auto is = [&](Kind kind) { to.kind = kind; };
    if (!from.ref_attr_name().empty()) {
      is(Kind::reference), to.text = from.ref_attr_name();
      return to;
    }
    switch (from.type()) {
    case ::onnx::AttributeProto::FLOAT:
      is(Kind::number), to.number = from.f();
      break;
    case ::onnx::AttributeProto::INT:
      is(Kind::integer), to.integer = from.i();
      break;
    case ::onnx::AttributeProto::STRING:
      is(Kind::text), to.text = from.s();
      break;
    case ::onnx::AttributeProto::TENSOR:
      is(Kind::array), to.array = std::make_shared<Array>(takeArray(*from.mutable_t(), path));
      break;
    case ::onnx::AttributeProto::GRAPH:
      is(Kind::graph), to.graph = std::make_shared<Graph>(graph(*from.mutable_g(), around));
      break;
    case ::onnx::AttributeProto::FLOATS:
      is(Kind::numbers), to.numbers.assign(from.floats().begin(), from.floats().end());
      break;
    case ::onnx::AttributeProto::INTS:
      is(Kind::integers), to.integers.assign(from.ints().begin(), from.ints().end());
      break;
    case ::onnx::AttributeProto::STRINGS:
      is(Kind::texts), to.texts.assign(from.strings().begin(), from.strings().end());
      break;
    default:
      is(Kind::other);
    }
    return to;
  }

  template <typename List> std::vector<Node> nodes(List &list, const std::set<std::string> &known) {
    // A subgraph may read whatever a node around it gives; the order of nodes sees to it that it comes before.
    std::set<std::string> around = known;
    for (const auto &from : list) around.insert(from.output().begin(), from.output().end());
    std::vector<Node> result;
    for (auto &from : list) {
      Node to{from.name(), from.op_type(), domainName(from.domain()), from.overload(), {}, {}, {}};
      to.inputs.assign(from.input().begin(), from.input().end());
      to.outputs.assign(from.output().begin(), from.output().end());
      for (auto &each : *from.mutable_attribute()) to.attributes[each.name()] = attribute(each, around);
      result.push_back(std::move(to));
    }
    orderNodes(result, known, where);
    return result;
  }

  Graph graph(::onnx::GraphProto &from, const std::set<std::string> &around) {
    Graph to;
    to.name = from.name();
    if (from.sparse_initializer_size())
      throw Error(where + "has the sparse initializer '" + from.sparse_initializer(0).values().name() +
                  "': store it as a dense one");
    std::set<std::string> known = around, own;
    for (auto &each : *from.mutable_initializer()) {
      to.initializers.push_back(std::make_shared<Array>(takeArray(each, path)));
      if (!own.insert(each.name()).second) throw Error(where + "has two initializers named '" + each.name() + "'");
    }
    std::set<std::string> inputs;
    for (const auto &each : from.input()) {
      to.inputs.push_back(declared(each));
      if (!inputs.insert(each.name()).second) throw Error(where + "has two inputs named '" + each.name() + "'");
    }
    known.insert(own.begin(), own.end());
    known.insert(inputs.begin(), inputs.end());
    to.nodes = nodes(*from.mutable_node(), known);
    for (const Node &node : to.nodes) known.insert(node.outputs.begin(), node.outputs.end());
    for (const auto &each : from.output()) {
      to.outputs.push_back(declared(each));
      if (!known.count(each.name()))
        throw Error(where + "output '" + each.name() + "' is given by no input, initializer or node");
    }
    return to;
  }

  Function function(::onnx::FunctionProto &from) {
    Function to;
    to.domain = domainName(from.domain()), to.name = from.name(), to.overload = from.overload();
    to.inputs.assign(from.input().begin(), from.input().end());
    to.outputs.assign(from.output().begin(), from.output().end());
    to.attributes.assign(from.attribute().begin(), from.attribute().end());
    for (auto &each : *from.mutable_attribute_proto()) to.defaults[each.name()] = attribute(each, {});
    to.opsets = opsets(from.opset_import());
    to.nodes = nodes(*from.mutable_node(), {to.inputs.begin(), to.inputs.end()});
    return to;
  }

  const fs::path &path;
  std::string where;
};

} // namespace

Model readModel(const fs::path &path) { return parseModel(load(path), path); }

Model parseModel(const formats::Bytes &content, const fs::path &path) { return Reader(path).read(content); }

Array readArray(const fs::path &path) {
  auto message = parse<::onnx::TensorProto>(load(path), path, "tensor");
  return takeArray(message, path);
}

} // namespace fovea::onnx
