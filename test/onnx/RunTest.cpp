// Models made here, through import, compiler and compiled code, against numbers computed here. Each is written as a
// case in ONNX's own format and run as fovea-onnx-test runs it.
#include "test/TemporaryFolder.h"
#include "test/onnx/Build.h"
#include "tools/fovea-onnx-test/Case.h"

#include <cmath>
#include <gmock/gmock.h>
#include <random>

namespace fovea::onnx::test {
namespace {

using Values = std::vector<float>;

Values random(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-1, 1);
  Values result(count);
  for (float &value : result) value = distribution(generator);
  return result;
}

class Run : public TemporaryFolder {
protected:
  Run() { std::filesystem::create_directory(folder / "test_data_set_0"); }

  void give(const char *kind, int index, const ::onnx::TensorProto &tensor) {
    std::ofstream(folder / "test_data_set_0" / (std::string(kind) + "_" + std::to_string(index) + ".pb"),
                  std::ios::binary)
        << tensor.SerializeAsString();
  }
  Outcome run(const ModelBuilder &model, bool dynamic = false) {
    model.write(folder / "model.onnx");
    return runCase(folder, "", dynamic);
  }
  void expectPassed(const ModelBuilder &model, bool dynamic = false) {
    Outcome outcome = run(model, dynamic);
    EXPECT_EQ(outcome.verdict, Verdict::passed) << outcome.reason;
  }
};

/// Two layers with weights as parameters and an open batch, at several batches.
TEST_F(Run, LayersWithParametersAndAnOpenBatch) {
  constexpr size_t in = 17, hidden = 5, out = 3;
  Values w1 = random(in * hidden, 1), b1 = random(hidden, 2), w2 = random(hidden * out, 3);
  ModelBuilder model;
  model.input("x", f32, {-1, in}).initializer("w1", f32, {in, hidden}, w1).initializer("b1", f32, {hidden}, b1);
  model.initializer("w2", f32, {out, hidden}, [&] { // transposed
    Values turned(w2.size());
    for (size_t i = 0; i < hidden; ++i)
      for (size_t j = 0; j < out; ++j) turned[j * hidden + i] = w2[i * out + j];
    return turned;
  }());
  model.node("Gemm", {"x", "w1", "b1"}, {"a"}, {{"alpha", 0.5f}}).node("Relu", {"a"}, {"h"});
  model.node("Gemm", {"h", "w2"}, {"y"}, {{"transB", 1}}).output("y", f32, {-1, out});
  for (size_t batch : {1, 3, 59}) {
    Values x = random(batch * in, 4), y(batch * out);
    for (size_t n = 0; n < batch; ++n)
      for (size_t i = 0; i < hidden; ++i) {
        double sum = 0;
        for (size_t k = 0; k < in; ++k) sum += (double)x[n * in + k] * w1[k * hidden + i];
        double h = std::max(0.0, 0.5 * sum + b1[i]);
        for (size_t j = 0; j < out; ++j) y[n * out + j] += (float)(h * w2[i * out + j]);
      }
    give("input", 0, tensor("x", f32, {(int64_t)batch, in}, x));
    give("output", 0, tensor("y", f32, {(int64_t)batch, out}, y));
    expectPassed(model);
  }
}

/// Before opset 13 softmax takes all axes from the named one on together, later only that one.
TEST_F(Run, SoftmaxBeforeAndAfterOpset13) {
  Values x = random(2 * 3 * 4, 5);
  give("input", 0, tensor("x", f32, {2, 3, 4}, x));
  for (int64_t opset : {7, 11, 13, 22}) {
    size_t row = opset < 13 ? 12 : 4;
    Values y(x.size());
    for (size_t from = 0; from < x.size(); from += row) {
      double sum = 0;
      for (size_t i = 0; i < row; ++i) sum += std::exp((double)x[from + i]);
      for (size_t i = 0; i < row; ++i) y[from + i] = (float)(std::exp((double)x[from + i]) / sum);
    }
    give("output", 0, tensor("y", f32, {2, 3, 4}, y));
    ModelBuilder model(opset);
    expectPassed(model.input("x", f32, {2, 3, 4}).node("Softmax", {"x"}, {"y"}).output("y", f32, {2, 3, 4}));
  }
}

/// Attributes that became inputs: Unsqueeze and ReduceSum at 13, Slice at 10, Clip and Pad at 11, Squeeze at 13,
/// Dropout at 12.
TEST_F(Run, AttributesThatBecameInputs) {
  Values x = random(6, 6), y;
  for (size_t i = 1; i < 6; i += 2) y.push_back(std::min(0.5f, std::max(-0.5f, x[i])));
  y.push_back(0);
  float total = 0;
  for (float &value : y) total += value;
  give("input", 0, tensor("x", f32, {6}, x));
  give("output", 0, tensor("y", f32, {1}, Values{total}));
  using Ints = std::vector<int64_t>;
  ModelBuilder before(9);
  before.input("x", f32, {6})
      .node("Unsqueeze", {"x"}, {"a"}, {{"axes", Ints{0}}})
      .node("Reshape", {"a", "three"}, {"a3"});
  before.initializer<int64_t>("three", i64, {2}, {3, 2});
  before.node("Slice", {"a3"}, {"b"}, {{"starts", Ints{1}}, {"ends", Ints{9}}, {"axes", Ints{1}}});
  before.node("Clip", {"b"}, {"c"}, {{"min", -0.5f}, {"max", 0.5f}}).node("Squeeze", {"c"}, {"d"}, {{"axes", Ints{1}}});
  before.node("Pad", {"d"}, {"e"}, {{"pads", Ints{0, 1}}}).node("Dropout", {"e"}, {"f"}, {{"ratio", 0.9f}});
  before.node("ReduceSum", {"f"}, {"y"}, {{"axes", Ints{0}}}).output("y", f32, {1});
  expectPassed(before);
  ModelBuilder after(22);
  after.input("x", f32, {6}).initializer<int64_t>("zero", i64, {1}, {0}).initializer<int64_t>("one", i64, {1}, {1});
  after.initializer<int64_t>("big", i64, {1}, {99})
      .initializer<int64_t>("two", i64, {1}, {2})
      .initializer<int64_t>("pads", i64, {2}, {0, 1});
  after.initializer<float>("low", f32, {}, {-0.5f}).initializer<float>("high", f32, {}, {0.5f});
  after.node("Unsqueeze", {"x", "zero"}, {"a"}).node("Slice", {"a", "one", "big", "one", "two"}, {"b"});
  after.node("Clip", {"b", "low", "high"}, {"c"})
      .node("Squeeze", {"c", "zero"}, {"d"})
      .node("Pad", {"d", "pads"}, {"e"});
  after.node("Dropout", {"e"}, {"f"}).node("ReduceSum", {"f", "zero"}, {"y"}).output("y", f32, {1});
  expectPassed(after);
}

/// Attention by the dialect's op, causal behind a past, is what its composition gives when asked for the scores as
/// well.
TEST_F(Run, AttentionAsOpAndAsComposition) {
  constexpr size_t heads = 4, shared = 2, queries = 3, past = 2, keys = past + queries, width = 5;
  Values q = random(heads * queries * width, 7), k = random(shared * queries * width, 8),
         v = random(shared * queries * width, 9);
  Values pastK = random(shared * past * width, 10), pastV = random(shared * past * width, 11);
  auto at = [&](const Values &old, const Values &fresh, size_t head, size_t j, size_t d) {
    return j < past ? old[(head * past + j) * width + d] : fresh[(head * queries + j - past) * width + d];
  };
  Values y(q.size()), raw(heads * queries * keys);
  for (size_t h = 0; h < heads; ++h)
    for (size_t i = 0; i < queries; ++i) {
      size_t group = h / (heads / shared);
      double weights[keys] = {}, sum = 0;
      for (size_t j = 0; j < keys; ++j) {
        double score = 0;
        for (size_t d = 0; d < width; ++d)
          score += (double)q[(h * queries + i) * width + d] * at(pastK, k, group, j, d) / std::sqrt((double)width);
        raw[(h * queries + i) * keys + j] = (float)score;
        if (j <= i + past) sum += weights[j] = std::exp(score);
      }
      for (size_t d = 0; d < width; ++d) {
        double value = 0;
        for (size_t j = 0; j < keys; ++j) value += weights[j] / sum * at(pastV, v, group, j, d);
        y[(h * queries + i) * width + d] = (float)value;
      }
    }
  auto shape = [](size_t heads, size_t rows) { return std::vector<int64_t>{1, (int64_t)heads, (int64_t)rows, width}; };
  give("input", 0, tensor("q", f32, shape(heads, queries), q));
  give("input", 1, tensor("k", f32, shape(shared, queries), k));
  give("input", 2, tensor("v", f32, shape(shared, queries), v));
  give("input", 3, tensor("pk", f32, shape(shared, past), pastK));
  give("input", 4, tensor("pv", f32, shape(shared, past), pastV));
  give("output", 0, tensor("y", f32, shape(heads, queries), y));
  give("output", 1, tensor("raw", f32, {1, heads, queries, keys}, raw));
  for (bool scores : {false, true}) {
    ModelBuilder model(23);
    model.input("q", f32, shape(heads, queries))
        .input("k", f32, shape(shared, queries))
        .input("v", f32, shape(shared, queries));
    model.input("pk", f32, shape(shared, past)).input("pv", f32, shape(shared, past));
    model.node("Attention", {"q", "k", "v", "", "pk", "pv"}, scores ? Names{"y", "", "", "raw"} : Names{"y"},
               {{"is_causal", 1}});
    model.output("y", f32, shape(heads, queries));
    if (scores) model.output("raw", f32, {1, heads, queries, keys});
    expectPassed(model);
  }
}

/// Inputs of one leading size are open together, those of another (or none) stay as they are.
TEST_F(Run, DynamicOpensLeadingSizes) {
  for (int64_t rows : {1, 3, 1500}) {
    Values x = random(size_t(rows) * 5, 12), z = random(size_t(rows) * 5, 13), b = random(5, 14), y;
    for (size_t i = 0; i < x.size(); ++i) y.push_back((x[i] + z[i]) * b[i % 5] + 0.5f);
    give("input", 0, tensor("x", f32, {rows, 5}, x));
    give("input", 1, tensor("z", f32, {rows, 5}, z));
    give("input", 2, tensor("b", f32, {5}, b));
    give("input", 3, tensor("c", f32, {}, Values{0.5f}));
    give("output", 0, tensor("y", f32, {rows, 5}, y));
    ModelBuilder model;
    model.input("x", f32, {rows, 5}).input("z", f32, {rows, 5}).input("b", f32, {5}).input("c", f32, {});
    model.node("Add", {"x", "z"}, {"s"}).node("Mul", {"s", "b"}, {"m"}).node("Add", {"m", "c"}, {"y"});
    expectPassed(model.output("y", f32, {rows, 5}), true);
    for (int input : {0, 1}) { // open in the file, under another name
      auto &type = *model.graph().mutable_input(input)->mutable_type()->mutable_tensor_type();
      type.mutable_shape()->mutable_dim(0)->set_dim_param("rows");
    }
    expectPassed(model, true);
  }
}

/// A matrix may have as many rows as the batch; it cannot be open as well.
TEST_F(Run, DynamicLeavesWhatMustBeKnown) {
  Values x = random(9, 15), w = random(9, 16), y(9);
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j)
      for (size_t k = 0; k < 3; ++k) y[i * 3 + j] += x[i * 3 + k] * w[k * 3 + j];
  give("input", 0, tensor("x", f32, {3, 3}, x));
  give("input", 1, tensor("w", f32, {3, 3}, w));
  give("output", 0, tensor("p", f32, {3, 3}, y));
  ModelBuilder model;
  model.input("x", f32, {3, 3}).input("w", f32, {3, 3}).node("MatMul", {"x", "w"}, {"p"});
  expectPassed(model.output("p", f32, {3, 3}), true);
}

/// The size comes with an input that nothing computes with.
TEST_F(Run, DynamicSizesAreValues) {
  give("input", 0, tensor("x", f32, {59, 2}, Values(118)));
  give("output", 0, tensor("y", i64, {2}, std::vector<int64_t>{59, 2}));
  ModelBuilder model;
  expectPassed(model.input("x", f32, {59, 2}).node("Shape", {"x"}, {"y"}).output("y", i64, {2}), true);
}

TEST_F(Run, DynamicCasesThatAreNotSupported) {
  give("input", 0, tensor("x", f32, {2, 2}, Values{1, 2, 3, 4}));
  give("output", 0, tensor("y", f32, {2}, Values{1, 2}));
  ModelBuilder cut;
  cut.input("x", f32, {2, 2}).initializer<int64_t>("at", i64, {}, {0});
  cut.node("Gather", {"x", "at"}, {"y"}).output("y", f32, {2});
  expectPassed(cut);
  Outcome outcome = run(cut, true);
  EXPECT_EQ(outcome.verdict, Verdict::unsupported);
  EXPECT_THAT(outcome.reason, testing::AllOf(testing::HasSubstr("with 'x' of open size: "),
                                             testing::HasSubstr("a look-up needs sizes that are numbers"),
                                             testing::Not(testing::HasSubstr("with all of its leading size open"))));

  give("input", 1, tensor("w", f32, {2, 2}, Values{1, 0, 0, 1}));
  ModelBuilder two;
  two.input("x", f32, {2, 2}).input("w", f32, {2, 2}).initializer<int64_t>("at", i64, {}, {0});
  two.node("MatMul", {"x", "w"}, {"p"}).node("Gather", {"p", "at"}, {"y"}).output("y", f32, {2});
  EXPECT_THAT(run(two, true).reason,
              testing::ContainsRegex("with 'x' of open size: .*a look-up needs sizes .*; with "
                                     "all of its leading size open: .*summed over are 2 and batch"));

  ModelBuilder none;
  none.node("Constant", {}, {"y"}, {{"value", tensor("", f32, {2}, Values{1, 2})}}).output("y", f32, {2});
  EXPECT_THAT(run(none, true).reason, testing::HasSubstr("no input has a leading size that could be open"));
}

TEST_F(Run, WrongNumbersFail) {
  ModelBuilder model;
  model.input("x", f32, {2}).node("Exp", {"x"}, {"y"}).output("y", f32, {2});
  give("input", 0, tensor("x", f32, {2}, Values{0, 1}));
  give("output", 0, tensor("y", f32, {2}, Values{1, 2.75f}));
  Outcome outcome = run(model);
  EXPECT_EQ(outcome.verdict, Verdict::failed);
  EXPECT_THAT(outcome.reason, testing::AllOf(testing::HasSubstr("output 'y' is off by"),
                                             testing::HasSubstr("instead of 2.750000 at element 1")));
  give("output", 0, tensor("y", f64, {2}, std::vector<double>{1, 2.7}));
  EXPECT_THAT(run(model).reason,
              testing::HasSubstr("'y' has another type or shape in the data set than in the compiled model"));
  give("output", 0, tensor("y", f32, {2}, Values{1, NAN}));
  EXPECT_EQ(run(model).verdict, Verdict::failed);
  model.graph().mutable_node(0)->set_op_type("Nonsense");
  EXPECT_EQ(run(model).verdict, Verdict::unsupported);
  std::filesystem::remove_all(folder / "test_data_set_0");
  EXPECT_THAT(run(model).reason, testing::HasSubstr("has no test_data_set_0"));
}

} // namespace
} // namespace fovea::onnx::test
