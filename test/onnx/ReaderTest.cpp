// What the reader takes, and what it says about files that it does not take.
#include "onnx/Graph.h"
#include "test/TemporaryFolder.h"
#include "test/onnx/Build.h"

#include <gmock/gmock.h>

namespace fovea::onnx::test {
namespace {

using testing::HasSubstr;

class Reader : public TemporaryFolder {
protected:
  std::string messageOf(const ModelBuilder &model) {
    auto path = model.write(folder / "model.onnx");
    return errorOf([&] { readModel(path); });
  }
  ModelBuilder relu() {
    ModelBuilder model;
    return model.input("x", f32, {2, 3}).node("Relu", {"x"}, {"y"}).output("y");
  }
  /// A model with one initializer, changed by `change`.
  template <typename Change> std::string messageOfTensor(Change change) {
    ModelBuilder model = relu();
    model.initializer<float>("w", f32, {2, 2}, {1, 2, 3, 4});
    change(*model.graph().mutable_initializer(0));
    return messageOf(model);
  }
  static void external(::onnx::TensorProto &tensor, std::vector<std::pair<std::string, std::string>> entries) {
    tensor.clear_raw_data();
    tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
    for (auto &[key, value] : entries) {
      auto &entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
  }
  void writeText(const std::string &name, const std::string &text) {
    std::ofstream(folder / name, std::ios::binary) << text;
  }
};

TEST_F(Reader, GraphsArePlainData) {
  ModelBuilder builder = relu();
  builder.initializer<int64_t>("n", i64, {2}, {7, -1});
  builder.graph().mutable_node(0)->add_attribute()->CopyFrom(Attr("alpha", 0.5f).proto);
  Model model = readModel(builder.write(folder / "m.onnx"));
  EXPECT_EQ(model.opsets.at(""), 22);
  ASSERT_EQ(model.graph.nodes.size(), 1u);
  EXPECT_EQ(model.graph.nodes[0].op, "Relu");
  EXPECT_EQ(model.graph.nodes[0].attributes.at("alpha").number, 0.5);
  EXPECT_EQ(model.graph.initializers[0]->bytes.size(), 16u);
  EXPECT_EQ(model.graph.inputs[0].shape->at(1).number, 3);
}

TEST_F(Reader, TypedFieldsBecomeBytes) {
  ModelBuilder builder = relu();
  auto &tensor = *builder.graph().add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(i32);
  tensor.add_dims(2);
  tensor.add_int32_data(5), tensor.add_int32_data(-6);
  Model model = readModel(builder.write(folder / "m.onnx"));
  int32_t values[2];
  std::memcpy(values, model.graph.initializers[0]->bytes.data(), 8);
  EXPECT_EQ(values[0], 5);
  EXPECT_EQ(values[1], -6);
}

TEST_F(Reader, NodesAreOrdered) {
  ModelBuilder builder;
  builder.input("x", f32, {2}).node("Relu", {"a"}, {"y"}).node("Exp", {"x"}, {"a"}).output("y");
  EXPECT_EQ(readModel(builder.write(folder / "m.onnx")).graph.nodes[0].op, "Exp");
}

TEST_F(Reader, FilesThatAreNoModels) {
  EXPECT_THAT(errorOf([&] { readModel(folder / "none.onnx"); }), HasSubstr("none.onnx: cannot open: No such file"));
  writeText("text.onnx", "This is no model.\n");
  EXPECT_THAT(errorOf([&] { readModel(folder / "text.onnx"); }),
              HasSubstr("is no ONNX model, or is damaged or cut off"));
  writeText("empty.onnx", "");
  EXPECT_THAT(errorOf([&] { readModel(folder / "empty.onnx"); }),
              HasSubstr("is no ONNX model, or is damaged or cut off"));
  EXPECT_THAT(errorOf([&] { readArray(folder / "text.onnx"); }), HasSubstr("is no ONNX tensor"));
  ModelBuilder builder;
  builder.proto.clear_graph();
  EXPECT_THAT(messageOf(builder), HasSubstr("holds no graph"));
  std::ofstream(folder / "huge.onnx") << "x";
  std::filesystem::resize_file(folder / "huge.onnx", int64_t(3) << 30);
  EXPECT_THAT(errorOf([&] { readModel(folder / "huge.onnx"); }),
              HasSubstr("more than the 2^31 - 1 of a protobuf message"));
}

/// Every cut, and every byte changed, gives a model or an error, and nothing else.
TEST_F(Reader, DamagedFilesAreErrors) {
  ModelBuilder builder = relu();
  builder.initializer<float>("w", f32, {2, 2}, {1, 2, 3, 4});
  std::string whole = builder.proto.SerializeAsString();
  size_t errors = 0;
  auto attempt = [&](const std::string &bytes) {
    writeText("damaged.onnx", bytes);
    errors += !errorOf([&] { readModel(folder / "damaged.onnx"); }).empty();
  };
  for (size_t length = 0; length < whole.size(); ++length) attempt(whole.substr(0, length));
  for (size_t at = 0; at < whole.size(); ++at)
    for (int change : {1, 0x80, 0xff}) {
      std::string changed = whole;
      changed[at] = char(changed[at] ^ change);
      attempt(changed);
    }
  EXPECT_GT(errors, whole.size() / 2);
}

TEST_F(Reader, TensorsThatLie) {
  EXPECT_THAT(messageOfTensor([](auto &tensor) { tensor.set_raw_data("12"); }),
              HasSubstr("tensor 'w' has 2 bytes, but its shape and type make 16"));
  EXPECT_THAT(messageOfTensor([](auto &tensor) { tensor.set_dims(0, -2); }), HasSubstr("tensor 'w' has a size of -2"));
  EXPECT_THAT(messageOfTensor([](auto &tensor) { tensor.set_dims(0, int64_t(1) << 62); }),
              HasSubstr("more than 2^48 elements"));
  EXPECT_THAT(messageOfTensor([](auto &tensor) { tensor.set_data_type(99); }),
              HasSubstr("is of type 99, which no tensor can be"));
  EXPECT_THAT(messageOfTensor([](auto &tensor) { tensor.mutable_segment(); }), HasSubstr("is in segments"));
  EXPECT_THAT(messageOfTensor([](auto &tensor) { tensor.clear_raw_data(), tensor.add_float_data(1); }),
              HasSubstr("has 1 values, but its shape and type make 4"));
  EXPECT_THAT(
      messageOfTensor([](auto &tensor) { tensor.clear_raw_data(), tensor.set_data_type(::onnx::TensorProto::STRING); }),
      HasSubstr("has 0 strings, but its shape and type make 4"));
}

TEST_F(Reader, ExternalDataIsRead) {
  writeText("weights.bin", std::string(8, '?') + std::string(16, 'a'));
  ModelBuilder builder = relu();
  builder.initializer<float>("w", f32, {2, 2}, {1, 2, 3, 4});
  external(*builder.graph().mutable_initializer(0), {{"location", "weights.bin"}, {"offset", "8"}, {"length", "16"}});
  EXPECT_EQ(readModel(builder.write(folder / "m.onnx")).graph.initializers[0]->bytes, std::string(16, 'a'));
}

TEST_F(Reader, ExternalDataThatIsNotThere) {
  writeText("weights.bin", std::string(20, 'a'));
  std::filesystem::create_directory(folder / "sub");
  std::filesystem::create_symlink("/etc/hostname", folder / "link.bin");
  auto messageOfExternal = [&](std::vector<std::pair<std::string, std::string>> entries) {
    return messageOfTensor([&](auto &tensor) { external(tensor, entries); });
  };
  EXPECT_THAT(messageOfExternal({}), HasSubstr("tensor 'w' is external, but names no file"));
  EXPECT_THAT(messageOfExternal({{"location", "gone.bin"}}), HasSubstr("lies in 'gone.bin', which cannot be read"));
  EXPECT_THAT(messageOfExternal({{"location", "../../etc/hostname"}}),
              testing::AnyOf(HasSubstr("outside the model's folder"), HasSubstr("cannot be read")));
  EXPECT_THAT(messageOfExternal({{"location", "/etc/hostname"}}),
              testing::AnyOf(HasSubstr("outside the model's folder"), HasSubstr("cannot be read")));
  EXPECT_THAT(messageOfExternal({{"location", "link.bin"}}), HasSubstr("outside the model's folder"));
  EXPECT_THAT(messageOfExternal({{"location", "sub"}}), HasSubstr("lies in 'sub', which is no regular file"));
  EXPECT_THAT(messageOfExternal({{"location", "weights.bin"}, {"offset", "-4"}}),
              HasSubstr("has the external offset '-4': it must be a number of bytes"));
  EXPECT_THAT(messageOfExternal({{"location", "weights.bin"}, {"length", "9"}}),
              HasSubstr("has 9 external bytes, but its shape and type make 16"));
  EXPECT_THAT(messageOfExternal({{"location", "weights.bin"}, {"offset", "8"}}),
              HasSubstr("takes bytes 8 to 24 of 'weights.bin', which has 20"));
  EXPECT_THAT(messageOfTensor([](auto &tensor) {
                tensor.set_data_type(::onnx::TensorProto::STRING);
                external(tensor, {{"location", "weights.bin"}});
              }),
              HasSubstr("holds strings in an external file"));
}

TEST_F(Reader, NamesThatDoNotFit) {
  ModelBuilder missing;
  missing.input("x", f32, {2}).node("Add", {"x", "z"}, {"y"}).output("y");
  EXPECT_THAT(messageOf(missing),
              HasSubstr("node 'the_Add' (Add) reads 'z', which no input, initializer or node gives"));
  ModelBuilder cycle;
  cycle.input("x", f32, {2}).node("Add", {"x", "b"}, {"a"}).node("Exp", {"a"}, {"b"}).output("b");
  EXPECT_THAT(messageOf(cycle), HasSubstr("node 'the_Add' (Add) waits for its own result: the graph has a cycle"));
  ModelBuilder twice = relu();
  twice.node("Exp", {"x"}, {"y"});
  EXPECT_THAT(messageOf(twice), HasSubstr("node 'the_Exp' (Exp) gives 'y', which exists already"));
  ModelBuilder nameless = relu();
  nameless.node("Exp", {"q"}, {"r"}).graph().mutable_node(1)->clear_name();
  EXPECT_THAT(messageOf(nameless), HasSubstr("the node of 'r' (Exp) reads 'q'"));
  EXPECT_THAT(messageOf(relu().output("w")), HasSubstr("output 'w' is given by no input, initializer or node"));
  EXPECT_THAT(messageOf(relu().input("x", f32, {2})), HasSubstr("has two inputs named 'x'"));
  ModelBuilder weights = relu();
  weights.initializer<float>("w", f32, {1}, {1}).initializer<float>("w", f32, {1}, {1});
  EXPECT_THAT(messageOf(weights), HasSubstr("has two initializers named 'w'"));
  ModelBuilder sparse = relu();
  sparse.graph().add_sparse_initializer()->mutable_values()->set_name("s");
  EXPECT_THAT(messageOf(sparse), HasSubstr("has the sparse initializer 's'"));
}

} // namespace
} // namespace fovea::onnx::test
