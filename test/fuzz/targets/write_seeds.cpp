// Writes whole files into FOLDER/TARGET, for the fuzz targets to start from.
#include "Table.h"
#include "formats/Idx.h"
#include "formats/Npy.h"
#include "runtime/Safetensors.h"
#include "test/onnx/Build.h"

#include <cstdio>
#include <zlib.h>

using namespace fovea;
namespace fs = std::filesystem;

/// A file with this header, and bytes of data.
static void writeHeader(const fs::path &path, const std::string &header, size_t bytes) {
  std::string content(8, '\0');
  for (size_t i = 0; i < 8; ++i) content[i] = static_cast<char>(header.size() >> (8 * i));
  formats::writeFile(path, content + header + std::string(bytes, '\x3f'));
}

static bool writeSafetensors(const fs::path &folder) {
  fovea_handle *handle = fuzz::create();
  bool good = handle && fovea_save(handle, (folder / "parameters").c_str()) == 0 &&
              fovea_save_checkpoint(handle, (folder / "checkpoint").c_str()) == 0;
  fovea_destroy(handle);
  writeHeader(folder / "converted", // f32 and f64 exchanged
              R"({"weight":{"dtype":"F64","shape":[3,4],"data_offsets":[0,96]},)"
              R"("panels":{"dtype":"F32","shape":[5,3],"data_offsets":[96,156]},)"
              R"("columns":{"dtype":"I8","shape":[5,3],"data_offsets":[156,171]},)"
              R"("bias":{"dtype":"BF16","shape":[],"data_offsets":[171,173]}})",
              173);
  writeHeader(folder / "escapes", R"({"__metadata__":{"\ud83d\ude00":"\u00e9\n\"","a":"","b":"\udc00"}})", 0);
  writeHeader(folder / "deep", R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1);
  writeHeader(folder / "overlap", // then with a gap behind
              R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],)"
              R"("data_offsets":[2,4]},"c":{"dtype":"I32","shape":[0],"data_offsets":[6,6]}})",
              8);
  return good;
}

static void writeIdx(const fs::path &folder) {
  formats::writeIdx(folder / "labels", {{5}, {0, 1, 2, 3, 4}});
  formats::writeIdx(folder / "images", {{2, 3, 2}, formats::Bytes(12, 9)});
  for (const char *name : {"labels", "images"}) {
    formats::Bytes content = formats::readFile(folder / name);
    gzFile file = gzopen((folder / (std::string(name) + ".gz")).c_str(), "wb");
    gzwrite(file, content.data(), (unsigned)content.size());
    gzclose(file);
  }
}

static void writeNpy(const fs::path &folder) {
  formats::NpzArrays arrays = {{"f4", {FOVEA_F32, {2, 3}, formats::Bytes(24, 1)}},
                               {"b1", {FOVEA_BOOL, {}, {1}}},
                               {"i8", {FOVEA_I64, {0, 3}, {}}}};
  for (const auto &[name, array] : arrays) formats::writeNpy(folder / name, array);
  formats::writeNpz(folder / "stored", arrays);
  formats::writeNpz(folder / "deflated", arrays, true);
  const std::string columns = "\x93NUMPY\2" + std::string("\0\x3d\0\0\0", 5) +
                              "{'descr': '<f2', 'fortran_order': True, 'shape': (3, 2), }\n  012345678901";
  formats::writeFile(folder / "columns", columns);
}

/// Attributes and declared types of all kinds, tensors in each typed field.
static void writeKinds(const fs::path &path) {
  using namespace fovea::onnx::test;
  ModelBuilder model;
  model.input("x", f32, {2}).node("Exp", {"x"}, {"y"}).output("y");
  auto &node = *model.graph().mutable_node(0);
  for (const Attr &each : {Attr("text", "abc"), Attr("numbers", std::vector<int64_t>{1, -1}),
                           Attr("array", tensor<double>("", f64, {1}, {0.5}))})
    *node.add_attribute() = each.proto;
  for (auto type : {::onnx::AttributeProto::FLOATS, ::onnx::AttributeProto::STRINGS, ::onnx::AttributeProto::GRAPHS}) {
    auto &attribute = *node.add_attribute();
    attribute.set_name(std::to_string(type)), attribute.set_type(type);
    attribute.add_floats(1), attribute.add_strings("a");
  }
  auto add = [&](int type) -> ::onnx::TensorProto & {
    auto &array = *model.graph().add_initializer();
    array.set_name("t" + std::to_string(type)), array.set_data_type(type), array.add_dims(1);
    return array;
  };
  add(f64).add_double_data(1), add(i64).add_int64_data(1), add(f16).add_int32_data(1), add(f32).add_float_data(1);
  add(::onnx::TensorProto::UINT64).add_uint64_data(1), add(::onnx::TensorProto::INT4).add_int32_data(1);
  add(::onnx::TensorProto::STRING).add_string_data("a");
  auto &complex = add(::onnx::TensorProto::COMPLEX64);
  complex.add_float_data(1), complex.add_float_data(2);
  model.input("s", f32, {}).graph().mutable_input(1)->mutable_type()->mutable_sequence_type();
  model.input("o", f32, {}).graph().mutable_input(2)->mutable_type()->mutable_optional_type();
  model.write(path);
}

static void writeOnnx(const fs::path &folder) {
  using namespace fovea::onnx::test;
  ModelBuilder layer;
  layer.input("x", f32, {-1, 3}).initializer<float>("w", f32, {3, 2}, {1, 2, 3, 4, 5, 6});
  layer.node("Gemm", {"x", "w"}, {"h"}, {{"alpha", 0.5f}}).node("Relu", {"h"}, {"y"}).output("y", f32, {-1, 2});
  auto &typed = *layer.graph().add_initializer();
  typed.set_name("t"), typed.set_data_type(i32), typed.add_dims(1), typed.add_int32_data(7);
  layer.write(folder / "layer");
  writeKinds(folder / "kinds");

  ModelBuilder outside;
  outside.input("x", f32, {2}).node("Exp", {"x"}, {"y"}).output("y");
  for (const char *location : {"w", "d", "l", ".."}) {
    ModelBuilder model = outside;
    auto &tensor = *model.graph().add_initializer();
    tensor.set_name("e"), tensor.set_data_type(f32), tensor.add_dims(2);
    tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
    for (auto [key, value] : {std::pair{"location", location}, {"offset", "8"}, {"length", "8"}}) {
      auto &entry = *tensor.add_external_data();
      entry.set_key(key), entry.set_value(value);
    }
    model.write(folder / (std::string("external-") + location));
  }

  ::onnx::GraphProto yes, no;
  addNode(yes, "Exp", {"x"}, {"a"}), *yes.add_output() = value("a", f32, {2});
  addNode(no, "Log", {"z"}, {"b"}), *no.add_output() = value("b", f32, {2});
  ModelBuilder branches;
  branches.input("x", f32, {2}).initializer<char>("c", boolean, {}, {1});
  branches.node("If", {"c"}, {"y"}, {{"then_branch", yes}, {"else_branch", no}}).node("Neg", {"x"}, {"z"}).output("y");
  auto &function = *branches.proto.add_functions();
  function.set_domain("own"), function.set_name("Twice");
  function.add_input("a"), function.add_output("b"), function.add_attribute("by");
  addNode(function, "Mul", {"a", "n"}, {"b"});
  addNode(function, "Constant", {}, {"n"}, {Attr::reference("value_float", "by")});
  branches.node("Twice", {"y"}, {"w"}, {{"by", 3}}, "own").output("w").write(folder / "branches");
}

int main(int argc, char **argv) {
  const fs::path folder = argv[argc - 1];
  for (const char *target : {"safetensors", "idx", "npy", "onnx"}) fs::create_directories(folder / target);
  writeIdx(folder / "idx");
  writeNpy(folder / "npy");
  writeOnnx(folder / "onnx");
  if (!writeSafetensors(folder / "safetensors")) return std::puts("write_seeds: cannot write safetensors"), 1;
}
