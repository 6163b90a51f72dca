// Writes the ONNX models of foveac_test.sh into a folder.
#include "test/onnx/Build.h"

using namespace fovea::onnx::test;

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
}
