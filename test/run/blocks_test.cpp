// Blocks against PyTorch: results, every gradient, and five training steps, by the figures that blocks.py stored in
// blocks.txt, or in the file that BLOCKS_FILE names. In f64, and in f32 with a symbolic batch.
#include "test/dsl/Parameters.h"
#include "test/run/blocks_models.h"

#include <fovea/compile.h>

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

using namespace fovea;

namespace {

using Numbers = std::vector<double>;
using Sizes = std::vector<int64_t>;

struct NamedShape {
  std::string name;
  Sizes shape;
  int64_t elements() const {
    int64_t count = 1;
    for (int64_t size : shape) count *= size;
    return count;
  }
};

/// What blocks.txt has of one case; a figure is found by its kind and name.
struct Case {
  std::string name;
  double rate;
  std::map<std::string, std::vector<NamedShape>> tensors; // by kind: input, parameter, state, output, look
  std::map<std::string, Numbers> figures;
};

void PrintTo(const Case &which, std::ostream *out) { *out << which.name; }

std::vector<Case> readCases() {
  const char *other = std::getenv("BLOCKS_FILE");
  std::ifstream file(other ? other : BLOCKS);
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind, name;
    words >> kind >> name;
    if (kind == "#") continue;
    if (kind == "case") {
      cases.push_back({name});
      words >> cases.back().rate;
    } else if (kind == "input" || kind == "parameter" || kind == "state" || kind == "output" || kind == "look") {
      NamedShape tensor{name, {}};
      for (int64_t size; words >> size;) tensor.shape.push_back(size);
      cases.back().tensors[kind].push_back(tensor);
    } else {
      bool unnamed = kind == "losses";
      Numbers &figures = cases.back().figures[unnamed ? kind : kind + " " + name];
      if (unnamed) figures.push_back(std::stod(name));
      for (double number; words >> number;) figures.push_back(number);
    }
  }
  return cases;
}
const std::vector<Case> &cases() {
  static const std::vector<Case> cases = readCases();
  return cases;
}

/// As blocks.py's.
Numbers uniform(const std::string &name, int64_t count) {
  uint32_t key = 2166136261u;
  for (unsigned char letter : name) key = (key ^ letter) * 16777619u;
  Numbers numbers(count);
  for (int64_t i = 0; i < count; ++i) {
    uint32_t z = (uint32_t)i * 0x9E3779B9u + key;
    z = (z ^ (z >> 16)) * 0x85EBCA6Bu;
    z = (z ^ (z >> 13)) * 0xC2B2AE35u;
    numbers[i] = (z ^ (z >> 16)) / 2147483648.0 - 1;
  }
  return numbers;
}
Numbers valuesOf(const NamedShape &tensor) {
  const auto &[name, shape] = tensor;
  auto ends = [&](const std::string &end) {
    return name.size() >= end.size() && !name.compare(name.size() - end.size(), end.size(), end);
  };
  double offset = 0, factor = 0.5;
  bool own = name == "gamma" || name == "position" || name == "token";
  if (name == "directions")
    factor = 1;
  else if (ends("scale") || ends("running_variance"))
    offset = 1;
  else if (name.find('.') == std::string::npos && !own)
    factor = 1.5;
  else if (shape.size() == 4)
    factor = std::sqrt(3.0 / double(shape[1] * shape[2] * shape[3]));
  else if (shape.size() == 2 && ends("weight"))
    factor = std::sqrt(3.0 / (double)shape[0]);
  Numbers numbers = uniform(name, tensor.elements());
  for (double &number : numbers) number = offset + factor * number;
  return numbers;
}

/// A case's model, compiled for one element type.
template <typename Real> class BlockRun {
public:
  BlockRun(const Case &which, bool symbolic) : which(which), symbolic(symbolic), program(compiled()) {
    for (const char *kind : {"parameter", "state"})
      for (const NamedShape &tensor : of(kind)) program.set(tensor.name, real(valuesOf(tensor)));
  }

  void compare() {
    Buffers results = buffersFor({"output", "look"});
    call("forward", "input", {}, results);
    for (const auto &[name, values] : results) expect("infers " + name, values);

    Real loss = 0;
    Buffers trained = buffersFor({"output"}), gradients = buffersFor({"input"});
    call("gradients", "all", {&loss}, trained, gradients);
    Numbers losses{loss};
    for (const auto &[name, values] : trained) expect("trains " + name, values);
    for (const auto &[name, values] : gradients) expect("gradient " + name, values);
    for (const NamedShape &tensor : of("parameter"))
      expect("gradient " + tensor.name, program.template get<Real>("gradient/" + tensor.name));
    program.update((Real)which.rate, (Real)1);
    for (size_t step = 1; step < which.figures.at("losses").size(); ++step) {
      call("train_step", "all", {(Real)which.rate, &loss}, trained, gradients);
      losses.push_back(loss);
    }
    const Numbers &expected = which.figures.at("losses");
    ASSERT_EQ(losses.size(), expected.size());
    for (size_t step = 0; step < losses.size(); ++step)
      EXPECT_NEAR(losses[step], expected[step], 10 * bound * (1 + std::abs(expected[step]))) << "loss of step " << step;
    if (losses.size() == 1) return; // of a large net, whose further figures would be many
    for (const char *kind : {"parameter", "state"})
      for (const NamedShape &tensor : of(kind))
        expect("becomes " + tensor.name, program.template get<Real>(tensor.name), 10);
  }

private:
  using Buffers = std::vector<std::pair<std::string, std::vector<Real>>>;
  static constexpr double bound = sizeof(Real) == 8 ? 1e-10 : 2e-5; // of an element, beside 1 or the root mean square

  const std::vector<NamedShape> &of(const std::string &kind) const {
    static const std::vector<NamedShape> none;
    auto found = which.tensors.find(kind);
    return found == which.tensors.end() ? none : found->second;
  }
  int64_t items() const { return of("input")[0].shape[0]; }

  Program compiled() const {
    Model model(which.name, sizeof(Real) == 8 ? f64 : f32);
    Dim batch = symbolic ? model.symbol("batch") : Dim(items());
    auto shapeOf = [&](const Sizes &sizes) {
      Shape shape(sizes.begin(), sizes.end());
      if (symbolic && !shape.empty() && sizes[0] == items()) shape[0] = batch;
      return shape;
    };
    Named inputs;
    std::vector<std::string> names, reported;
    for (const NamedShape &tensor : of("input")) {
      inputs[tensor.name] = model.input(tensor.name, shapeOf(tensor.shape));
      names.push_back(tensor.name);
    }
    Named results = blockBuilders().at(which.name)(model, inputs);
    EXPECT_EQ(results.size(), of("output").size() + of("look").size());
    std::optional<Tensor> loss;
    for (const NamedShape &tensor : of("output")) {
      const Tensor &y = results.at(tensor.name);
      EXPECT_EQ(y.shape(), shapeOf(tensor.shape)) << tensor.name;
      model.output(tensor.name, y);
      Tensor term = sum(y * model.input("cotangent_" + tensor.name, y.shape()));
      loss = loss ? *loss + term : term;
      reported.push_back(tensor.name);
    }
    for (const NamedShape &tensor : of("look")) {
      EXPECT_EQ(results.at(tensor.name).shape(), shapeOf(tensor.shape)) << tensor.name;
      model.output(tensor.name, results.at(tensor.name));
    }
    model.train(*loss, SGD{.momentum = 0.9}, {.report = reported, .input_gradients = names});

    std::map<std::string, ParameterInfo> own = parametersOf(model);
    EXPECT_EQ(own.size(), of("parameter").size() + of("state").size());
    for (const char *kind : {"parameter", "state"})
      for (const NamedShape &tensor : of(kind)) EXPECT_EQ(own[tensor.name].shape, tensor.shape) << tensor.name;
    ProgramOptions options{.threads = 2};
    if (symbolic) options.sizes = {{"batch", items()}};
    return compile(model, options);
  }

  static std::vector<Real> real(const Numbers &numbers) { return {numbers.begin(), numbers.end()}; }

  Buffers buffersFor(std::initializer_list<const char *> kinds) const {
    Buffers buffers;
    for (const char *kind : kinds)
      for (const NamedShape &tensor : of(kind)) buffers.emplace_back(tensor.name, std::vector<Real>(tensor.elements()));
    return buffers;
  }

  /// An entry's arguments: the batch, the inputs, with cotangents unless it only infers, then what is between, then
  /// results.
  template <typename... Results>
  void call(const std::string &entry, const std::string &inputs, std::vector<Program::Argument> between,
            Results &...results) {
    std::vector<Program::Argument> arguments;
    std::vector<std::vector<Real>> kept;
    if (symbolic) arguments.push_back(items());
    for (const NamedShape &tensor : of("input")) kept.push_back(real(valuesOf(tensor)));
    if (inputs == "all")
      for (const NamedShape &tensor : of("output"))
        kept.push_back(real(valuesOf({"cotangent_" + tensor.name, tensor.shape})));
    for (const std::vector<Real> &values : kept) arguments.push_back(values);
    arguments.insert(arguments.end(), between.begin(), between.end());
    for (Buffers *buffers : {&results...})
      for (auto &[name, values] : *buffers) arguments.push_back(values);
    program.call(entry, arguments);
  }

  void expect(const std::string &what, const std::vector<Real> &values, double factor = 1) const {
    auto found = which.figures.find(what);
    ASSERT_NE(found, which.figures.end()) << what;
    const Numbers &figures = found->second;
    ASSERT_EQ(figures.size(), 6u) << what;
    Numbers pattern = uniform("pattern", (int64_t)values.size());
    double sum = 0, squares = 0, dot = 0, count = (double)values.size();
    for (size_t i = 0; i < values.size(); ++i)
      sum += values[i], squares += (double)values[i] * values[i], dot += values[i] * pattern[i];
    double size = std::sqrt(figures[1] / count) + 1, near = factor * bound * size;
    EXPECT_NEAR(sum, figures[0], near * count) << what << ": sum";
    EXPECT_NEAR(squares, figures[1], near * size * count) << what << ": sum of squares";
    EXPECT_NEAR(dot, figures[2], near * count) << what << ": sum with the pattern";
    size_t places[] = {0, values.size() / 2, values.size() - 1};
    for (int i = 0; i < 3; ++i)
      EXPECT_NEAR(values[places[i]], figures[3 + i], near) << what << ": element " << places[i];
  }

  const Case &which;
  bool symbolic;
  Program program;
};

struct Blocks : testing::TestWithParam<Case> {};
struct BlocksInF32 : Blocks {};

TEST_P(Blocks, AreEqualToPyTorchs) { BlockRun<double>(GetParam(), false).compare(); }
TEST_P(BlocksInF32, AreEqualWithASymbolicBatch) { BlockRun<float>(GetParam(), true).compare(); }

std::string nameOf(const testing::TestParamInfo<Case> &info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(, Blocks, testing::ValuesIn(cases()), nameOf);

/// Nets of one kind of layer take long to compile, and add nothing in another type.
std::vector<Case> blocksAlone() {
  std::vector<Case> alone;
  for (const Case &each : cases())
    if (each.name.find("resnet")) alone.push_back(each);
  return alone;
}
INSTANTIATE_TEST_SUITE_P(, BlocksInF32, testing::ValuesIn(blocksAlone()), nameOf);

//===-- Apart from the file ---------------------------------------------------------------------------------------===//

/// Runs a model of x (1, 2, 2) that gives y, a sum of losses, and gradients for x.
struct Differentiated {
  double loss = 0;
  Numbers gradient = Numbers(4);
  Differentiated(const Numbers &x, const std::function<Tensor(const Tensor &)> &lossOf) {
    Model model("differentiated", f64);
    model.train(lossOf(model.input("x", {1, 2, 2})) * model.parameter("one", {}, ones()), SGD{},
                {.input_gradients = {"x"}});
    compile(model).gradients(x, &loss, gradient);
  }
};

TEST(AttentionLoss, SkipsWhatIsInfiniteOrSmall) {
  auto focal = [](double x) { return std::pow(1 - std::exp(-x), 2) * x * 16 / 4; };
  double infinity = std::numeric_limits<double>::infinity();
  for (const Numbers &x : {Numbers{1, infinity, 0, 2}, Numbers{0, 0, 0, 0}, Numbers{0.1, 0.1, 0.1, 0.1}}) {
    Differentiated run(x, [](const Tensor &x) { return attention_loss(x, {.ignore_threshold = 0.01}); });
    EXPECT_EQ(run.loss, 0);
    EXPECT_EQ(run.gradient, Numbers(4, 0));
  }
  // What the mask leaves out may be infinite; 0 has a gradient of 0.
  Differentiated masked({1, infinity, 0, 2}, [](const Tensor &x) { return attention_loss(x, {.mask = x < 100}); });
  EXPECT_NEAR(masked.loss, (focal(1) + focal(0) + focal(2)) / 3, 1e-12);
  double p = std::exp(-2), slope = (1 - p) * (1 - p) + 2 * 2 * p * (1 - p);
  EXPECT_NEAR(masked.gradient[3], slope * 4 / 3, 1e-12);
  EXPECT_EQ(masked.gradient[1], 0);
  EXPECT_NEAR(masked.gradient[2], 0, 1e-30);
  Differentiated none({1, 2, 3, 4}, [](const Tensor &x) { return attention_loss(x, {.mask = x < 0}); });
  EXPECT_EQ(none.loss, 0);
  EXPECT_EQ(none.gradient, Numbers(4, 0));
}

/// At the ends of [-1, 1], at 0, and at an edge between buckets.
TEST(Hash, PutsVectorsIntoBuckets) {
  Model model("hashed", f64);
  Tensor vectors = model.input("x", {5, 2}), r = model.input("directions", {3, 2});
  Hashed hashed = hash(vectors, r, 4);
  model.output("place", hashed.place);
  model.output("bucket", hashed.bucket);
  Program program = compile(model, {.inference = true});
  Numbers place(5), x{-2, 0, 0, 0, 7, 0, -1, 1, 3, 1}, directions{1, 0, 1, 0, 1, 0};
  std::vector<int64_t> bucket(5);
  program.forward(x, directions, place, bucket);
  EXPECT_EQ(place, (Numbers{-1, 0, 1, -0.5, 0.75}));
  EXPECT_EQ(bucket, (std::vector<int64_t>{0, 2, 3, 1, 3}));
}

/// In bf16, statistics and the norm's parameters stay f32: results are those of f32 but for the rounding of x and y.
TEST(BatchNorm, ComputesInF32InModelsOfBf16) {
  constexpr int64_t size = 4 * 3 * 5;
  std::vector<float> x(size), results[2], mean[2];
  Numbers drawn = uniform("x", size);
  for (int64_t i = 0; i < size; ++i) x[i] = (float)std::round(drawn[i] * 64) / 64 + 3; // exact in bf16
  for (DType dtype : {f32, bf16}) {
    Model model("normed", dtype);
    Tensor input = cast(model.input("x", {4, 3, 5}), dtype);
    Tensor y = cast(nn::BatchNorm(model / "norm", 3)(input), f32);
    model.output("y", y);
    model.train(sum(square(y) * model.input("cotangent", {4, 3, 5})), SGD{}, {.report = {"y"}});
    Program program = compile(model);
    std::vector<float> y_(size);
    float loss = 0;
    program.gradients(x, x, &loss, y_);
    results[dtype == bf16] = y_, mean[dtype == bf16] = program.get<float>("norm.running_mean");
  }
  for (int64_t i = 0; i < size; ++i) EXPECT_NEAR(results[0][i], results[1][i], 0x1p-8 * std::abs(results[0][i])) << i;
  EXPECT_EQ(mean[0], mean[1]);
  EXPECT_GT(mean[0][0], 0.2);
}

/// With a key, a position is drawn with the probability that softmax gives it.
TEST(HardAttentionPool, DrawsByItsScores) {
  constexpr int64_t items = 4000;
  Model model("drawn", f64);
  Tensor x = model.input("x", {items, 3, 1}), key = model.input("key", {2}, i32);
  nn::HardAttentionPool::Result drawn = nn::HardAttentionPool(model, 1)(x, key);
  model.output("result", drawn.result);
  model.output("log_probability", drawn.log_probability);
  Program program = compile(model, {.inference = true});
  program.set("score.weight", Numbers{1});
  const double probability[] = {0.2, 0.5, 0.3};
  Numbers scores(items * 3), result(items), logarithm(items);
  for (int64_t i = 0; i < items * 3; ++i) scores[i] = std::log(probability[i % 3]);
  program.forward(scores, std::vector<int32_t>{3, 5}, result, logarithm);
  double counts[3] = {};
  for (int64_t i = 0; i < items; ++i) {
    EXPECT_NEAR(result[i], logarithm[i], 1e-12); // scores are log-probabilities
    for (int place = 0; place < 3; ++place) counts[place] += std::abs(result[i] - std::log(probability[place])) < 1e-9;
  }
  for (int place = 0; place < 3; ++place) EXPECT_NEAR(counts[place] / items, probability[place], 0.03);
}

TEST(BlocksFile, HasEveryCase) {
  if (std::getenv("BLOCKS_FILE")) GTEST_SKIP() << "a file of some cases";
  EXPECT_EQ(cases().size(), blockBuilders().size());
}

} // namespace
