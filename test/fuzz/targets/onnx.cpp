// ONNX models, in a folder with external data, a folder, and a link that leads out of it. What is read is in order:
// names are given before they are used, and arrays have the bytes that their shapes make.
#include "Require.h"
#include "formats/Error.h"
#include "onnx/Graph.h"

#include <set>

using namespace fovea;
using namespace fovea::onnx;
namespace fs = std::filesystem;

static fs::path makeFolder() {
  std::string pattern = (fs::temp_directory_path() / "fovea-fuzz-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()));
  static fs::path folder;
  folder = pattern;
  formats::writeFile(folder / "w", std::string(64, 'w'));
  fs::create_directory(folder / "d");
  fs::create_symlink("/etc/passwd", folder / "l");
  std::atexit([] { fs::remove_all(folder); });
  return folder;
}

static void check(const Array &array) {
  const int64_t bits = elementBits(array.element);
  REQUIRE(array.bytes.size() == static_cast<size_t>((array.count() * bits + 7) / 8));
}

using Names = std::set<std::string>;
static void check(const Graph &graph, Names known);

static void check(const std::vector<Node> &nodes, Names &known) {
  for (const Node &node : nodes) {
    for (const std::string &input : node.inputs) REQUIRE(input.empty() || known.count(input));
    for (const auto &[name, attribute] : node.attributes) {
      if (attribute.array) check(*attribute.array);
      if (attribute.graph) check(*attribute.graph, known);
    }
    known.insert(node.outputs.begin(), node.outputs.end());
  }
}

static void check(const Graph &graph, Names known) {
  for (const auto &array : graph.initializers) {
    check(*array);
    known.insert(array->name);
  }
  for (const Declared &input : graph.inputs) known.insert(input.name);
  check(graph.nodes, known);
  for (const Declared &output : graph.outputs) REQUIRE(known.count(output.name));
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const fs::path path = makeFolder() / "model.onnx";
  try {
    Model model = parseModel({data, data + size}, path);
    check(model.graph, {});
    for (const Function &function : model.functions) {
      Names known(function.inputs.begin(), function.inputs.end());
      check(function.nodes, known);
    }
  } catch (const Error &) {
  }
  return 0;
}
