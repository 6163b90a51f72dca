// The importer: what models become, and every message for those that it does not take.
#include "lib/onnx/Import.h"
#include "test/TemporaryFolder.h"
#include "test/onnx/Build.h"

#include <gmock/gmock.h>

namespace fovea::onnx::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Import : public TemporaryFolder {
protected:
  Imported import(const ModelBuilder &model, std::map<std::string, Array> known = {}) {
    return importModel(model.write(folder / "m.onnx"), {"test", std::move(known)});
  }
  std::string text(const ModelBuilder &model) { return import(model).model.text(); }
  std::string messageOf(const ModelBuilder &model) {
    return errorOf([&] { import(model); });
  }
};

TEST_F(Import, LargeFloatsAreParameters) {
  ModelBuilder model;
  model.input("x", f32, {2, 17})
      .initializer<float>("layer/w.1", f32, {17, 3}, std::vector<float>(51, 1))
      .initializer<float>("b", f32, {3}, {1, 2, 3});
  model.node("Gemm", {"x", "layer/w.1", "b"}, {"y"}).output("y");
  Imported imported = import(model);
  ASSERT_EQ(imported.parameters.size(), 1u);
  EXPECT_EQ(imported.parameters[0]->name, "layer/w.1");
  EXPECT_THAT(imported.model.text(), AllOf(HasSubstr("fovea.state \"parameter\" @\"layer/w.1\" : tensor<17x3xf32>"),
                                           HasSubstr("fovea.constant"), HasSubstr("fovea.matmul")));
}

TEST_F(Import, NamesBecomeIdentifiers) {
  ModelBuilder model;
  model.input("in.0", f32, {2}).input("in/0", f32, {2}).node("Add", {"in.0", "in/0"}, {"0"}).output("0");
  Imported imported = import(model);
  EXPECT_EQ(imported.inputs[0].identifier, "in_0");
  EXPECT_EQ(imported.inputs[1].identifier, "in_0_1");
  EXPECT_EQ(imported.outputs[0].identifier, "_0");
}

TEST_F(Import, ShapesAreFoldedAroundAnOpenBatch) {
  ModelBuilder model;
  model.input("x", f32, {-1, 4, 6})
      .initializer<int64_t>("zero", i64, {}, {0})
      .initializer<int64_t>("axis", i64, {1}, {0});
  model.initializer<int64_t>("rest", i64, {1}, {-1});
  model.node("Shape", {"x"}, {"s"}).node("Gather", {"s", "zero"}, {"n"}).node("Unsqueeze", {"n", "axis"}, {"n1"});
  model.node("Concat", {"n1", "rest"}, {"to"}, {{"axis", 0}}).node("Reshape", {"x", "to"}, {"y"}).output("y");
  EXPECT_THAT(text(model), AllOf(HasSubstr("tensor<?x24xf32, #fovea.dims<[batch] -> (batch, 24)>>"),
                                 Not(HasSubstr("fovea.constant"))));
}

TEST_F(Import, ConditionsThatAreKnownTakeTheirBranch) {
  ::onnx::GraphProto yes, no;
  addNode(yes, "Exp", {"x"}, {"a"}), *yes.add_output() = value("a", f32, {2});
  addNode(no, "Log", {"x"}, {"b"}), *no.add_output() = value("b", f32, {2});
  ModelBuilder model;
  model.input("x", f32, {2}).initializer<char>("c", boolean, {}, {1});
  model.node("If", {"c"}, {"y"}, {{"then_branch", yes}, {"else_branch", no}}).output("y");
  EXPECT_THAT(text(model), AllOf(HasSubstr("fovea.exp"), Not(HasSubstr("fovea.log"))));
}

TEST_F(Import, FunctionsAreInlined) {
  ModelBuilder model;
  auto &function = *model.proto.add_functions();
  function.set_domain("own"), function.set_name("Scaled");
  function.add_input("a"), function.add_output("b"), function.add_attribute("by");
  auto &opset = *function.add_opset_import();
  opset.set_domain(""), opset.set_version(22);
  addNode(function, "Constant", {}, {"n"}, {Attr::reference("value_int", "by")});
  addNode(function, "Cast", {"n"}, {"f"}, {{"to", 1}});
  addNode(function, "Mul", {"a", "f"}, {"b"});
  model.opsetOf("own", 1).input("x", f32, {2}).node("Scaled", {"x"}, {"y"}, {{"by", 3}}, "own").output("y");
  EXPECT_THAT(text(model), HasSubstr("dense<3.000000e+00>"));
  model.graph().mutable_node(0)->clear_attribute();
  EXPECT_THAT(messageOf(model), HasSubstr("Scaled-1: the function needs the attribute 'by'"));
  model.graph().mutable_node(0)->add_attribute()->CopyFrom(Attr("by", 3).proto);
  addNode(function, "Scaled", {"b"}, {"c"}, {{"by", 3}}).set_domain("own");
  EXPECT_THAT(messageOf(model), HasSubstr("functions call each other more than 64 deep"));
  function.add_output("d");
  function.mutable_node()->RemoveLast();
  model.graph().mutable_node(0)->add_output("z");
  EXPECT_THAT(messageOf(model), HasSubstr("the function's output 'd' is given by none of its nodes"));
}

TEST_F(Import, KnownInputsBecomeConstantsWhereTheyMust) {
  ModelBuilder model;
  model.input("x", f32, {2, 3}).input("shape", i64, {1}).node("Reshape", {"x", "shape"}, {"y"}).output("y");
  EXPECT_THAT(messageOf(model), HasSubstr("node 'the_Reshape' (Reshape), Reshape-21: the shape must be known when "
                                          "importing, but 'shape' is computed or given at run time"));
  Array shape{"shape", Element::i64, {1}, std::string("\6\0\0\0\0\0\0\0", 8)};
  Imported imported = import(model, {{"shape", shape}});
  EXPECT_EQ(imported.inputs.size(), 1u);
  EXPECT_THAT(imported.model.text(), HasSubstr("tensor<6xf32>"));
}

/// What would become a large constant is computed by the model.
TEST_F(Import, FewElementsAreFolded) {
  auto expanded = [&](int64_t size) {
    ModelBuilder model;
    model.initializer<int64_t>("x", i64, {}, {3}).initializer<int64_t>("to", i64, {1}, {size});
    return text(model.node("Expand", {"x", "to"}, {"y"}).output("y"));
  };
  EXPECT_THAT(expanded(4096), HasSubstr("dense<3> : tensor<4096xi64>"));
  EXPECT_THAT(expanded(int64_t(1) << 40), AllOf(HasSubstr("fovea.broadcast"), HasSubstr("tensor<1099511627776xi64>")));
}

TEST_F(Import, NodesStandForTheirOps) {
  ModelBuilder model;
  model.input("x", f32, {2}).node("Exp", {"x"}, {"y"}).output("y");
  EXPECT_THAT(text(model), HasSubstr("loc(\"node 'the_Exp' (Exp)\")"));
}

/// All at once, one line each; what follows from a failed node is not told again.
TEST_F(Import, EveryNodeThatCannotBeImportedIsNamed) {
  ModelBuilder model;
  model.input("x", f32, {2})
      .node("Nonsense", {"x"}, {"a"})
      .node("Exp", {"a"}, {"b"})
      .node("Bogus", {"b"}, {"y"})
      .output("y");
  model.node("Exp", {"x"}, {"z"}, {}, "com.example").output("z");
  std::string message = messageOf(model);
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 2);
  EXPECT_THAT(message, AllOf(HasSubstr("m.onnx: node 'the_Nonsense' (Nonsense), Nonsense-22: this op is not supported"),
                             HasSubstr("Bogus-22: this op is not supported"),
                             HasSubstr("the model imports no opset of domain 'com.example'")));
  model.opsetOf("com.example", 1);
  EXPECT_THAT(messageOf(model), HasSubstr("no op of this name is known in domain 'com.example'"));
}

TEST_F(Import, OpsetsThatAreNotKnown) {
  auto ofOpset = [&](int64_t opset, const char *op = "Exp") {
    ModelBuilder model(opset);
    model.input("x", f32, {2}).node(op, {"x"}, {"y"}).output("y");
    return messageOf(model);
  };
  EXPECT_THAT(ofOpset(6), HasSubstr("is of opset 6: opsets 7 to 28 are known"));
  EXPECT_THAT(ofOpset(99), HasSubstr("is of opset 99"));
  EXPECT_THAT(ofOpset(12, "Mish"), HasSubstr("this op is known from opset 18 on"));
  ModelBuilder none;
  none.proto.clear_opset_import();
  EXPECT_THAT(messageOf(none.input("x", f32, {2}).output("x")), HasSubstr("imports no opset"));
}

TEST_F(Import, InputsAndOutputsThatDoNotFit) {
  auto withInput = [&](auto change) {
    ModelBuilder model;
    model.input("x", f32, {2, 3}).node("Exp", {"x"}, {"y"}).output("y");
    change(*model.graph().mutable_input(0)->mutable_type());
    return messageOf(model);
  };
  EXPECT_THAT(withInput([](auto &type) { type.mutable_tensor_type()->set_elem_type(::onnx::TensorProto::UINT64); }),
              HasSubstr("input 'x' is of uint64, which no tensor of a compiled model can be"));
  EXPECT_THAT(withInput([](auto &type) { type.mutable_tensor_type()->clear_shape(); }),
              HasSubstr("input 'x' has no shape"));
  EXPECT_THAT(
      withInput([](auto &type) { type.mutable_tensor_type()->mutable_shape()->mutable_dim(1)->set_dim_value(-7); }),
      HasSubstr("input 'x' has a size of -7"));
  EXPECT_THAT(withInput([](auto &type) {
                type.mutable_tensor_type()->mutable_shape()->mutable_dim(1)->set_dim_param("width");
              }),
              HasSubstr("input 'x' has the open size 'width' behind the first dimension"));
  EXPECT_THAT(withInput([](auto &type) { type.mutable_sequence_type(); }),
              HasSubstr("input 'x' is of type sequence: only tensors are supported"));
  EXPECT_THAT(withInput([](auto &type) { type.Clear(); }), HasSubstr("input 'x' is of no declared type"));
  ModelBuilder two;
  two.input("x", f32, {-1}).input("z", f32, {-1}).node("Add", {"x", "z"}, {"y"}).output("y");
  EXPECT_EQ(messageOf(two), "");
  two.graph().mutable_input(1)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_param(
      "other");
  EXPECT_THAT(messageOf(two), HasSubstr("input 'z' has the open size 'other', another 'batch': one size may be open"));
  EXPECT_THAT(messageOf(ModelBuilder().input("x", f32, {2})), HasSubstr("has no output: there is nothing to compute"));
}

//===-- Nodes that handlers refuse ------------------------------------------------------------------------------===//

struct Refused {
  const char *op;
  std::vector<std::pair<int, std::vector<int64_t>>> inputs; // types and shapes, given at run time
  Attrs attributes;
  std::vector<std::vector<int64_t>> constants; // further inputs, i64 vectors
  const char *message;
  int64_t opset = 22;
};

const std::vector<Refused> &refused() {
  using Ints = std::vector<int64_t>;
  static const std::vector<Refused> table = {
      {"Add", {{f32, {2}}, {f32, {3}}}, {}, {}, "shapes (2) and (3) do not broadcast"},
      {"Add", {{f32, {2}}, {f64, {2}}}, {}, {}, "add: one operand is f32, the other f64"},
      {"Add", {{f32, {2}}}, {}, {}, "input 1 is missing"},
      {"Cast", {{f32, {2}}}, {{"to", 8}}, {}, "is of string"},
      {"Div", {{i64, {2}}, {i64, {2}}}, {}, {}, "quotients of int64 that are computed are not supported yet"},
      {"TopK", {{f32, {4}}}, {}, {{5}}, "it takes 5 of 4 elements"},
      {"Resize", {{f32, {1, 1, 2, 2}}}, {{"mode", "best"}}, {}, "mode is 'best'"},
      {"Resize",
       {{f32, {1, 1, 2, 2}}},
       {{"coordinate_transformation_mode", "some"}},
       {},
       "coordinate_transformation_mode is 'some'"},
      {"DepthToSpace", {{f32, {1, 4, 2}}}, {{"blocksize", 2}}, {}, "blocksize is 2 for (1, 4, 2)"},
      {"Gelu", {{f32, {2}}}, {{"approximate", "cubic"}}, {}, "approximate is 'cubic': it must be none or tanh"},
      {"LeakyRelu", {{f32, {2}}}, {{"alpha", 1}}, {}, "the attribute 'alpha' is of another type than the op defines"},
      {"Gemm", {{i32, {2, 2}}, {i32, {2, 2}}}, {}, {}, "products of integers are not supported"},
      {"MatMul", {{f32, {}}, {f32, {2}}}, {}, {}, "an input has rank 0"},
      {"MatMul", {{i32, {2, 2}}, {i32, {2, 2}}}, {}, {}, "products of integers are not supported"},
      {"AveragePool",
       {{f32, {1, 1, int64_t(1) << 40}}},
       {{"kernel_shape", Ints{2}}},
       {},
       "it needs a table of 1099511627775 numbers: up to 1048576 are supported"},
      {"Trilu", {{f32, {int64_t(1) << 40, 2}}}, {}, {}, "it needs a table of 1099511627776 numbers"},
      {"Conv",
       {{f32, {1, 1, 2, 2, 2}}, {f32, {1, 1, 1, 1, 1}}},
       {},
       {},
       "convolutions over one or two spatial dimensions are supported"},
      {"Conv",
       {{f32, {1, 4, 5, 5}}, {f32, {4, 1, 3, 3}}},
       {{"group", 3}},
       {},
       "(4, 1, 3, 3) in 3 groups: the image's channels must be the weight's times the groups"},
      {"Conv", {{f32, {1, 1, 2, 2}}, {f32, {1, 1, 3, 3}}}, {}, {}, "the kernel is larger than the padded input"},
      {"Conv", {{f32, {1, 1, 5, 5}}, {f32, {1, 1, 3, 3}}}, {{"strides", Ints{0, 1}}}, {}, "strides has the value 0"},
      {"Conv",
       {{f32, {1, 1, 5, 5}}, {f32, {1, 1, 3, 3}}},
       {{"pads", Ints{1}}},
       {},
       "pads has another number of values"},
      {"Conv", {{f32, {1, 1, 5, 5}}, {f32, {1, 1, 3, 3}}}, {{"auto_pad", "SOME"}}, {}, "auto_pad is 'SOME'"},
      {"MaxPool", {{f32, {1, 4}}}, {{"kernel_shape", Ints{2}}}, {}, "its input has no spatial dimension: (1, 4)"},
      {"MaxPool", {{f32, {1, 1, 4}}}, {}, {}, "kernel_shape has another number of values"},
      {"MaxPool", {{f32, {1, 1, 4}}}, {{"kernel_shape", Ints{0}}}, {}, "the kernel has a size of 0"},
      {"ConvTranspose",
       {{f32, {1, 2, 5, 5}}, {f32, {3, 1, 3, 3}}},
       {},
       {},
       "x's channels, dimension 1, must be the weight's first size"},
      {"ConvTranspose", {{f32, {1, 1, 2}}, {f32, {1, 1, 2}}}, {{"pads", Ints{2, 1}}}, {}, "padding leaves nothing"},
      {"ConvTranspose", {{f32, {1, 1, 2}}, {f32, {1, 1, 2}}}, {{"strides", Ints{-1}}}, {}, "strides has the value -1"},
      {"Col2Im", {{f32, {1, 4}}}, {}, {{4}, {2}}, "its blocks and image do not fit"},
      {"Col2Im", {{f32, {1, 2, 1}}}, {}, {{1}, {2}}, "a block is larger than the padded image"},
      {"GatherND", {{f32, {3, 4}}, {i64, {2, 3}}}, {}, {}, "the indices have more coordinates than the data"},
      {"GatherND", {{f32, {3, 4}}, {i64, {2, 1}}}, {{"batch_dims", 3}}, {}, "batch_dims is 3"},
      {"ScatterElements", {{f32, {3}}, {i64, {2}}, {f32, {2}}}, {{"reduction", "mean"}}, {}, "reduction is 'mean'"},
      {"ScatterElements", {{f32, {3}}, {i64, {2, 1}}, {f32, {2, 1}}}, {}, {}, "the indices have another rank"},
      {"MaxPool", {{i32, {1, 1, 4}}}, {{"kernel_shape", Ints{2}}}, {}, "pools of integers are not supported"},
      {"Attention",
       {{f32, {1, 2, 4}}, {f32, {1, 2, 4}}, {f32, {1, 2, 4}}},
       {},
       {},
       "inputs must have rank 4, or rank 3 and q_num_heads",
       23},
      {"Attention",
       {{f32, {1, 2, 4}}, {f32, {1, 2, 4}}, {f32, {1, 2, 4}}},
       {{"q_num_heads", 3}},
       {},
       "3 heads do not divide a width of 4",
       23},
      {"RotaryEmbedding",
       {{f32, {1, 2, 2, 4}}, {f32, {1, 2, 2}}, {f32, {1, 2, 2}}},
       {{"rotary_embedding_dim", 3}},
       {},
       "rotary_embedding_dim is 3 of a head size of 4",
       23},
      {"RotaryEmbedding",
       {{f32, {1, 2, 2, 4}}, {f32, {2, 2}}, {f32, {2, 2}}},
       {},
       {},
       "without position_ids the tables must have rank 3",
       23},
      {"GroupNormalization",
       {{f32, {1, 4, 2}}, {f32, {4}}, {f32, {4}}},
       {{"num_groups", 3}},
       {},
       "num_groups is 3, which does not divide"},
      {"InstanceNormalization",
       {{f32, {2, 3}}, {f32, {3}}, {f32, {3}}},
       {},
       {},
       "its input has no spatial dimension: (2, 3)"},
      {"LpNormalization", {{f32, {2}}}, {{"p", 3}}, {}, "p is 3: it must be 1 or 2"},
      {"NegativeLogLikelihoodLoss", {{f32, {2, 3}}, {i64, {3, 2}}}, {}, {}, "scores are (2, 3) and labels (3, 2)"},
      {"NegativeLogLikelihoodLoss", {{f32, {2, 3}}, {i64, {2}}}, {{"reduction", "most"}}, {}, "reduction is 'most'"},
      {"ReduceSum", {{f32, {2}}}, {}, {{4}}, "axis 4 is outside a tensor of rank 1"},
      {"ReduceSum", {{f32, {2, 2}}}, {}, {{0, -2}}, "an axis is named twice"},
      {"Softmax", {{f32, {2}}}, {{"axis", 2}}, {}, "axis 2 is outside a tensor of rank 1"},
      {"Reshape", {{f32, {2, 3}}}, {}, {{5}}, "keeps the number of elements"},
      {"Reshape", {{f32, {2, 3}}}, {}, {{4, -1}}, "which the known sizes of (4, -1) do not divide"},
      {"Reshape", {{f32, {2}}}, {}, {{2, 0}}, "size 1 of the new shape is taken from an input of rank 1"},
      {"Reshape", {{f32, {2}}}, {{"allowzero", 1}}, {{0}}, "has 2 and (0) has 0"},
      {"Flatten", {{f32, {2}}}, {{"axis", 3}}, {}, "axis 3 is outside a tensor of rank 1"},
      {"Squeeze", {{f32, {2, 3}}}, {}, {{0}}, "it drops axis 0 of (2, 3), whose size is not 1"},
      {"Slice", {{f32, {4}}}, {}, {{0}, {2, 3}}, "starts, ends, axes and steps differ in number"},
      {"Slice", {{f32, {4}}}, {}, {{0}, {2}, {0}, {0}}, "a step is 0"},
      {"Slice", {{f32, {-1}}}, {}, {{0}, {2}}, "it cuts an axis of open size"},
      {"Split", {{f32, {4}}}, {}, {{5}}, "its parts have more than the 4 elements"},
      {"Tile", {{f32, {4}}}, {}, {{2, 2}}, "tile: (4) needs a number, not negative, for each dimension"},
      {"Gather", {{f32, {3}}}, {}, {{3}}, "index 3 is outside an axis of 3"},
      {"OneHot", {{i64, {3}}}, {}, {{2, 3}, {0, 1}}, "depth must be one number of at least 1"},
      {"Trilu", {{f32, {3}}}, {}, {}, "triu: (3) must have rank 2 or more"},
      {"Pad", {{f32, {3}}}, {}, {{1}}, "pads has 1 values for 1 axes"},
      {"Pad",
       {{f32, {3}}},
       {{"mode", "reflect"}},
       {{3, 0}},
       "pad: 3 elements around the 3 of axis 0: this mode takes 0 to 2"},
      {"Pad", {{f32, {3}}}, {}, {{-2, -1}}, "negative padding leaves no element"},
      {"GridSample", {{f32, {1, 1, 2, 2, 2}}, {f32, {1, 1, 1, 1, 3}}}, {}, {}, "images (n, c, h, w) are supported"},
      {"GridSample",
       {{f32, {1, 1, 2, 2}}, {f32, {1, 1, 1, 2}}},
       {{"mode", "cubic"}},
       {},
       "mode is 'cubic': linear and nearest are supported"},
      {"GridSample",
       {{f32, {1, 1, 2, 2}}, {f32, {1, 1, 1, 2}}},
       {{"padding_mode", "reflection"}},
       {},
       "padding_mode is 'reflection': zeros and border are supported"},
      {"Einsum", {{f32, {3, 4}}}, {{"equation", "ii->i"}}, {}, "takes the diagonal 'i' of (3, 4)"},
      {"Einsum", {{f32, {3}}}, {{"equation", "ij->i"}}, {}, "einsum: \"ij->i\" names 2 dimensions of (3)"},
      {"Einsum", {{f32, {3}}, {f32, {3}}}, {{"equation", "i->i"}}, {}, "names 1 operands, but there are 2"},
      {"Einsum", {{f32, {3}}}, {{"equation", "i->j"}}, {}, "gives the label 'j', which no operand has"},
      {"If", {{boolean, {}}}, {}, {}, "the condition must be known when importing"},
      {"Range", {}, {}, {{0}, {5}, {0}}, "delta not 0"},
      {"Range", {}, {}, {{0}, {99999}, {1}}, "it gives more than 4096 elements"},
      {"ConstantOfShape", {}, {}, {{-1}}, "a size is negative"},
      {"Constant", {}, {{"value_string", "a"}}, {}, "its value is a string or sparse"},
      {"BatchNormalization",
       {{f32, {2}}, {f32, {2}}, {f32, {2}}, {f32, {2}}, {f32, {2}}},
       {},
       {},
       "its input has no channels"},
  };
  return table;
}

class ImportRefuses : public Import, public testing::WithParamInterface<size_t> {};

TEST_P(ImportRefuses, WithAReason) {
  const Refused &each = refused()[GetParam()];
  ModelBuilder model(each.opset);
  Names inputs;
  for (auto &[type, shape] : each.inputs) {
    inputs.push_back("x" + std::to_string(inputs.size()));
    model.input(inputs.back(), type, shape);
  }
  for (auto &values : each.constants) {
    inputs.push_back("c" + std::to_string(inputs.size()));
    model.initializer<int64_t>(inputs.back(), i64, {(int64_t)values.size()}, values);
  }
  model.node(each.op, inputs, {"y"}, each.attributes).output("y");
  EXPECT_THAT(messageOf(model), AllOf(HasSubstr(std::string("node 'the_") + each.op + "'"), HasSubstr(each.message)));
}

INSTANTIATE_TEST_SUITE_P(All, ImportRefuses, testing::Range(size_t(0), refused().size()), [](const auto &info) {
  return std::string(refused()[info.param].op) + std::to_string(info.param);
});

/// Nodes that no table row can describe.
TEST_F(Import, NodesThatCannotBe) {
  ModelBuilder none;
  none.input("x", f32, {2}).node("Exp", {"x"}, {"y"}).node("Exp", {"x"}, {}).output("y");
  EXPECT_THAT(messageOf(none), HasSubstr("node 'the_Exp' (Exp), Exp-22: it has no outputs"));

  for (int type : {f32, i64}) { // of the condition, which must be a boolean
    ModelBuilder mixed;
    mixed.initializer<float>("f", f32, {}, {1}).initializer<int64_t>("i", i64, {}, {1});
    mixed.node("Where", {type == f32 ? "f" : "i", "i", type == f32 ? "i" : "f"}, {"y"}).output("y");
    EXPECT_THAT(messageOf(mixed), HasSubstr("Where-16: its inputs are of different types"));
  }

  ModelBuilder dropped(22);
  dropped.input("x", f32, {2}).initializer<char>("t", boolean, {}, {1}).initializer<float>("r", f32, {0}, {});
  dropped.node("Dropout", {"x", "r", "t"}, {"y"}).output("y");
  EXPECT_THAT(messageOf(dropped), HasSubstr("ratio must be one number, but are 0"));

  ModelBuilder point;
  point.input("x", f32, {}).initializer<int64_t>("sizes", i64, {0}, {});
  point.node("Resize", {"x", "", "", "sizes"}, {"y"}).output("y");
  EXPECT_THAT(messageOf(point), HasSubstr("its input has rank 0"));

  ModelBuilder small;
  small.input("x", f32, {1, 1, 4, int64_t(1) << 30}).initializer<float>("scales", f32, {4}, {1, 1, 1, 1e-9f});
  small.node("Resize", {"x", "", "scales"}, {"y"}, {{"mode", "linear"}, {"antialias", 1}}).output("y");
  EXPECT_THAT(messageOf(small), testing::ContainsRegex("it needs a table of 20000000.. numbers: up to 1048576"));
}

/// Heads that are open, because the batch was moved there.
TEST_F(Import, OpenHeads) {
  ModelBuilder model(23);
  model.input("x", f32, {-1, 2, 3, 4}).node("Transpose", {"x"}, {"t"}, {{"perm", std::vector<int64_t>{1, 0, 2, 3}}});
  model.node("Attention", {"t", "t", "t"}, {"y"}, {{"softcap", 1.0f}}).output("y");
  EXPECT_THAT(messageOf(model), HasSubstr("the heads needs sizes that are numbers, not open ones"));
}

TEST_F(Import, ScoreGraphsKeepTheShape) {
  auto withGraph = [&](auto change) {
    ::onnx::GraphProto graph;
    *graph.add_input() = value("p", f32, {}), addNode(graph, "Exp", {"p"}, {"e"}),
    *graph.add_output() = value("e", f32, {});
    change(graph);
    ModelBuilder model(26);
    model.opsetOf("ai.onnx.preview", 1).input("x", f32, {1, 2, 3, 4});
    model.node("FlexAttention", {"x", "x", "x"}, {"y"}, {{"prob_mod", graph}}, "ai.onnx.preview").output("y");
    return messageOf(model);
  };
  const char *message = "prob_mod must make one tensor of its input's shape, (1, 2, 3, 3)";
  EXPECT_EQ(withGraph([](auto &graph) {}), "");
  EXPECT_THAT(withGraph([](auto &graph) { graph.clear_output(); }), HasSubstr(message));
  EXPECT_THAT(withGraph([](auto &graph) { graph.mutable_node(0)->set_op_type("Shape"); }), HasSubstr(message));
}

} // namespace
} // namespace fovea::onnx::test
