// Writes the ONNX models and cases of foveac_test.sh into a folder.
#include "test/onnx/Build.h"

using namespace fovea::onnx::test;

/// A case of one input and one output of two rows, in ONNX's own format.
static void writeCase(const std::filesystem::path &folder, const ModelBuilder &model, const std::vector<float> &x,
                      const std::vector<float> &y) {
  std::filesystem::create_directories(folder / "test_data_set_0");
  model.write(folder / "model.onnx");
  auto give = [&](const char *name, const ::onnx::TensorProto &tensor) {
    std::ofstream(folder / "test_data_set_0" / name, std::ios::binary) << tensor.SerializeAsString();
  };
  give("input_0.pb", tensor("x", f32, {2, (int64_t)x.size() / 2}, x));
  give("output_0.pb", tensor("y", f32, {2, (int64_t)y.size() / 2}, y));
}

int main(int argc, char **argv) {
  std::filesystem::path folder = argv[argc - 1];
  ModelBuilder layer;
  layer.input("x", f32, {-1, 17}).initializer("w", f32, {17, 3}, std::vector<float>(51, 0.5f));
  layer.node("Gemm", {"x", "w"}, {"h"})
      .node("Relu", {"h"}, {"y"})
      .output("y", f32, {-1, 3})
      .write(folder / "layer.onnx");
  ModelBuilder bad;
  bad.input("x", f32, {2})
      .node("Nonsense", {"x"}, {"a"})
      .node("Bogus", {"a"}, {"y"})
      .output("y")
      .write(folder / "bad.onnx");
  ModelBuilder late;
  late.input("x", f32, {2}).node("Exp", {"x"}, {"y"}).output("y").write(folder / "while.onnx");

  ModelBuilder rows;
  rows.input("x", f32, {2, 2}).node("Neg", {"x"}, {"y"}).output("y", f32, {2, 2});
  writeCase(folder / "dynamic" / "rows", rows, {1, 2, 3, 4}, {-1, -2, -3, -4});
  writeCase(folder / "dynamic" / "wrong", rows, {1, 2, 3, 4}, {-1, -2, -3, 4});
  ModelBuilder turned; // along the rows, whose number must be known
  turned.input("x", f32, {2, 2})
      .initializer<int64_t>("from", i64, {1}, {-1})
      .initializer<int64_t>("to", i64, {1}, {-9});
  turned.initializer<int64_t>("axis", i64, {1}, {0}).node("Slice", {"x", "from", "to", "axis", "from"}, {"y"});
  writeCase(folder / "dynamic" / "turned", turned.output("y", f32, {2, 2}), {1, 2, 3, 4}, {3, 4, 1, 2});
}
