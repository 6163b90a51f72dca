// compile(model) in process: the numbers of the model compiled ahead of time, the cache, and every mistake's message.
#include <fovea/compile.h>
#include <fovea/fovea.h>

#include "test/Devices.h"
#include "test/TemporaryFolder.h"
#include "test/gpu/FakeDriver.h"

#include "digits.h"

#include <array>
#include <dlfcn.h>
#include <fstream>
#include <thread>

using namespace fovea;
using testing::HasSubstr;
using testing::MatchesRegex;

namespace {

Model line(DType dtype = f32) {
  Model line("line", dtype);
  Dim points = line.symbol("points");
  Tensor x = line.input("x", {points}), y = line.input("y", {points});
  Tensor height = line.parameter("slope", {1}, normal(1)) * x + line.parameter("offset", {1}, zeros());
  line.output("height", height);
  Tensor error = height - y;
  line.train(mean(error * error), SGD{.momentum = 0.9});
  return line;
}

template <typename T> std::vector<T> bytesOf(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// An environment variable while it lives.
struct Variable {
  Variable(const char *name, const std::string &value)
      : name(name), before(std::getenv(name) ? std::getenv(name) : "") {
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { before.empty() ? unsetenv(name) : setenv(name, before.c_str(), 1); }
  const char *name;
  std::string before;
};

class Compile : public TemporaryFolder {
protected:
  Compile() { std::filesystem::create_directory(temporary); }
  std::string cache() const { return (folder / "cache").string(); }
  ProgramOptions options(int64_t points = 4) const {
    return {.sizes = {{"points", points}}, .seed = 7, .cache = cache()};
  }
  std::vector<std::filesystem::path> libraries() const {
    std::vector<std::filesystem::path> found;
    for (const auto &entry : std::filesystem::directory_iterator(cache()))
      if (entry.path().extension() == ".so") found.push_back(entry.path());
    return found;
  }

  float x[4] = {0, 1, 2, 3}, y[4] = {-1, 1, 3, 5}, loss = -1;
  std::filesystem::path temporary = folder / "temporary";
  Variable variable{"TMPDIR", temporary.string()};
};

//===-- Numbers ---------------------------------------------------------------------------------------------------===//

TEST_F(Compile, TrainsLikeTheModelCompiledAheadOfTime) {
  constexpr int64_t batch = 5;
  std::vector<float> image(batch * 28 * 28), logits(batch * 10), otherLogits(batch * 10);
  for (size_t i = 0; i < image.size(); ++i) image[i] = float(i * 37 % 101) / 101;
  const std::vector<int32_t> label = {3, 1, 4, 1, 5};

  digits_options options = DIGITS_OPTIONS_DEFAULT;
  options.sizes.batch = batch;
  options.seed = 11;
  std::unique_ptr<digits, decltype(&digits_destroy)> ahead(digits_create(&options), digits_destroy);
  ASSERT_TRUE(ahead) << digits_last_error(nullptr);
  Program program = compile(define().front(), {.sizes = {{"batch", batch}}, .threads = 2, .seed = 11});
  EXPECT_EQ(program.target(), digits_target(ahead.get()));

  for (int64_t items : {batch, int64_t(3), int64_t(1)}) {
    float otherLoss = -2;
    ASSERT_EQ(digits_train_step(ahead.get(), items, image.data(), label.data(), 0.01f, &otherLoss), DIGITS_OK);
    program.train_step(items, image, label, 0.01, &loss);
    EXPECT_EQ(loss, otherLoss);
    ASSERT_EQ(digits_gradients(ahead.get(), items, image.data(), label.data(), &otherLoss), DIGITS_OK);
    program.gradients(items, image.data(), label, &loss);
    EXPECT_EQ(loss, otherLoss);
    ASSERT_EQ(digits_update(ahead.get(), 0.02f, 0.5f), DIGITS_OK);
    program.update(0.02f, 0.5);
  }
  ASSERT_EQ(digits_forward(ahead.get(), batch, image.data(), otherLogits.data()), DIGITS_OK);
  program.forward(batch, image, logits);
  EXPECT_EQ(logits, otherLogits);

  program.save_checkpoint((folder / "here").string());
  ASSERT_EQ(digits_save_checkpoint(ahead.get(), (folder / "ahead").c_str()), DIGITS_OK);
  EXPECT_GT(std::filesystem::file_size(folder / "here"), 100000u);
  EXPECT_EQ(bytesOf<char>(folder / "here"), bytesOf<char>(folder / "ahead"));
}

TEST_F(Compile, SeveralThreadsCompileAndTrainAtOnce) {
  std::array<float, 4> losses;
  std::vector<std::thread> threads;
  for (float &loss : losses)
    threads.emplace_back([&] {
      Program program = compile(line(), options());
      for (int step = 0; step < 20; ++step) program.train_step(4, x, y, 0.05, &loss);
    });
  for (std::thread &thread : threads) thread.join();
  for (float loss : losses) EXPECT_EQ(loss, losses[0]);
  EXPECT_EQ(libraries().size(), 1u);
}

TEST_F(Compile, ScalarsOfF64AreNotRounded) {
  Program program = compile(line(f64), options());
  std::vector<double> x = {1}, y = {0};
  double loss = 0, slope = 3, zero = 0;
  program.set("slope", &slope);
  program.set("offset", &zero);
  program.train_step(1, x, y, 0.1, &loss); // the gradient is 2 * 3
  EXPECT_EQ(loss, 9);
  EXPECT_EQ(program.get<double>("slope").at(0), 3 - 0.1 * 6);
  program.gradients(1, x, y, &loss);
  program.update(0, 1); // whole numbers are numbers too
}

TEST_F(Compile, ChecksAndInferenceAreCompiledIn) {
  ProgramOptions given = options();
  given.checks = true;
  given.inference = true;
  Program program = compile(line(), given);
  std::array<float, 4> height;
  program.forward(4, x, height);
  EXPECT_EQ(height[0], program.get<float>("offset").at(0));
  EXPECT_EQ(errorOf([&] { program.train_step(); }),
            "model 'line': there is no entry point 'train_step': it must be one of forward");
}

TEST_F(Compile, RunsOnADevice) {
  ProgramOptions given = options();
  given.target = "cuda-sm80";
  if (std::string why = whyNoDevice(given.target); why.rfind("there is no", 0) == 0) {
    EXPECT_THAT(errorOf([&] { compile(line(), given); }),
                HasSubstr("target 'cuda-sm80' needs the CUDA driver, which is not there"));
  }
  given.target = "opencl";
  if (std::string why = whyNoDevice(given.target); !why.empty()) GTEST_SKIP() << why;
  Program device = compile(line(), given), host = compile(line(), options());
  EXPECT_EQ(device.target(), "opencl");
  for (int step = 0; step < 3; ++step) {
    float other = -2;
    device.train_step(4, x, y, 0.05, &loss);
    host.train_step(4, x, y, 0.05, &other);
    EXPECT_NEAR(loss, other, 1e-5 * other);
  }
  EXPECT_NEAR(device.get<float>("slope").at(0), host.get<float>("slope").at(0), 1e-5);
  given.device = 999;
  EXPECT_THAT(errorOf([&] { compile(line(), given); }), HasSubstr("target 'opencl' is for device 999 of OpenCL"));
  given.target = "host+opencl";
  EXPECT_THAT(errorOf([&] { compile(line(), given); }), HasSubstr("set options.device, or set options.cpu_fallback"));
  given.cpu_fallback = true;
  EXPECT_EQ(compile(line(), given).target(), host.target());
}

/// The stand-in for CUDA's driver is loaded in a process of its own, so that other tests see what there is.
[[noreturn]] void runInStream(const ProgramOptions &options) {
  void *library = dlopen(FAKE_DRIVER, RTLD_NOW | RTLD_LOCAL);
  auto *driver = library ? static_cast<FakeDriver *>(dlsym(library, "fake_driver")) : nullptr;
  if (!driver) std::_Exit(1);
  uint64_t height = 0;
  int stream;
  ProgramOptions given = options;
  given.target = "cuda-sm80";
  given.stream = &stream;
  try {
    Program program = compile(line(), given);
    reinterpret_cast<int (*)(uint64_t *, size_t)>(dlsym(library, "cuMemAlloc_v2"))(&height, 16);
    const int before = driver->copies();
    program.forward(4, reinterpret_cast<const float *>(height), reinterpret_cast<float *>(height));
    bool all = driver->count("cuLaunchKernel") > 0;
    for (const FakeDriver::Call &call : driver->calls)
      all = all && (call.function == "cuMemAlloc" || call.stream == &stream);
    std::fprintf(stderr, "%s, %d copies\n", all ? "all in the stream" : "not in the stream", driver->copies() - before);
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  std::_Exit(0);
}

TEST_F(Compile, RunsInTheCallersStreamOnMemoryOfTheDevice) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(runInStream(options()), testing::ExitedWithCode(0), "all in the stream, 0 copies");
}

//===-- State and files -------------------------------------------------------------------------------------------===//

TEST_F(Compile, StateIsReadWrittenAndKeptInFiles) {
  Program first = compile(line(), options()), second = compile(line(), options());
  for (int step = 0; step < 3; ++step) first.train_step(4, x, y, 0.05, &loss);
  std::string parameters = (folder / "p").string(), checkpoint = (folder / "c").string();
  first.save(parameters);
  first.save_checkpoint(checkpoint);
  second.load(parameters);
  EXPECT_EQ(second.get<float>("slope"), first.get<float>("slope"));
  second.load_checkpoint(checkpoint);
  float otherLoss = -2;
  first.train_step(4, x, y, 0.05, &loss);
  second.train_step(4, x, y, 0.05, &otherLoss);
  EXPECT_EQ(loss, otherLoss);
  EXPECT_EQ(second.get<float>("slope"), first.get<float>("slope"));

  second.set("slope", std::vector<float>{2.5});
  float slope = 0;
  second.get("slope", &slope);
  EXPECT_EQ(slope, 2.5f);
  EXPECT_EQ(second.elements("slope"), 1);
  EXPECT_EQ(first.get<float>("gradient/slope"), std::vector<float>{0});
}

TEST_F(Compile, ProgramsAreSeparateAndMove) {
  Program small = compile(line(), options(2));
  std::optional<Program> large = compile(line(), options(4));
  large->train_step(4, x, y, 0.05, &loss);
  std::vector<float> before = small.get<float>("slope");
  EXPECT_NE(large->get<float>("slope"), before);
  EXPECT_EQ(errorOf([&] { small.train_step(3, x, y, 0.05, &loss); }),
            "model 'line': gradients: points 3 is beyond the 2 given at create");
  Program moved = std::move(*large);
  EXPECT_EQ(errorOf([&] { large->target(); }), "this program was moved to another: use that one, or assign to this");
  large.reset();
  EXPECT_NE(moved.get<float>("slope"), before);
  moved = std::move(small);
  EXPECT_EQ(moved.get<float>("slope"), before);
}

//===-- The cache -------------------------------------------------------------------------------------------------===//

TEST_F(Compile, WhatIsInTheCacheIsNotLinkedAgain) {
  std::vector<float> slope = compile(line(), options()).get<float>("slope");
  ASSERT_EQ(libraries().size(), 1u);
  auto time = std::filesystem::last_write_time(libraries().front());
  {
    Variable path("PATH", temporary.string()); // without a linker
    EXPECT_EQ(compile(line(), options(9)).get<float>("slope"), slope);
    ProgramOptions checked = options();
    checked.checks = true; // other code
    EXPECT_EQ(errorOf([&] { compile(line(), checked); }),
              "model 'line': linking needs 'ld', which is not in the PATH: install the package binutils");
  }
  EXPECT_EQ(std::filesystem::last_write_time(libraries().front()), time);
  compile(line(f64), options());
  EXPECT_EQ(libraries().size(), 2u);
  EXPECT_TRUE(std::filesystem::is_empty(temporary));
}

TEST_F(Compile, ADamagedLibraryIsLinkedAgain) {
  std::vector<float> slope = compile(line(), options()).get<float>("slope");
  std::string path = libraries().front().string();
  std::vector<char> whole = bytesOf<char>(path);
  for (size_t kept : {size_t(0), size_t(5), whole.size() / 2, whole.size() - 1}) {
    std::filesystem::remove(path); // others may have it mapped
    std::ofstream(path, std::ios::binary).write(whole.data(), kept);
    EXPECT_EQ(compile(line(), options()).get<float>("slope"), slope);
    EXPECT_EQ(bytesOf<char>(path), whole);
  }
}

TEST_F(Compile, WithoutACacheNothingIsLeft) {
  std::ofstream(folder / "file") << "no folder";
  for (std::string cache : {std::string(), (folder / "file").string(), std::string("/proc/fovea")}) {
    ProgramOptions given = options();
    given.cache = cache;
    compile(line(), given).train_step(4, x, y, 0.05, &loss);
    EXPECT_TRUE(std::filesystem::is_empty(temporary)) << cache;
  }
  EXPECT_EQ(bytesOf<char>(folder / "file").size(), 9u);
}

TEST_F(Compile, NowhereToLinkOrToLoadFrom) {
  compile(line(), options());
  std::filesystem::remove(libraries().front()); // the kernels stay
  {
    Variable nowhere("TMPDIR", "/proc/nowhere");
    EXPECT_THAT(errorOf([&] { compile(line(), options()); }),
                HasSubstr("model 'line': cannot make a temporary folder in '/proc/nowhere'"));
  }
  std::filesystem::create_directory(folder / "bin");
  std::ofstream(folder / "bin" / "cc")
      << "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done; echo no library >\"$2\"\n";
  std::filesystem::permissions(folder / "bin" / "cc", std::filesystem::perms::owner_all);
  Variable path("PATH", (folder / "bin").string() + ":" + std::getenv("PATH"));
  EXPECT_THAT(
      errorOf([&] { compile(line(), options()); }),
      MatchesRegex("model 'line': the compiled model cannot be loaded: .*: the folder of the cache, or \\$TMPDIR "
                   "without one, must allow code to be run"));
}

//===-- Mistakes --------------------------------------------------------------------------------------------------===//

TEST_F(Compile, MistakesInOptions) {
  auto error = [&](ProgramOptions given) {
    given.cache = cache();
    return errorOf([&] { compile(line(), given); });
  };
  EXPECT_EQ(error({.target = "host+z80", .sizes = {{"points", 1}}}),
            "error: target 'host+z80': 'z80' is not known; give host, x86-64, x86-64-v3, x86-64-v4, x86-64-v4-bf16, "
            "cuda-sm80, "
            "cuda-sm86, cuda-sm89, cuda-sm90 or opencl, "
            "several joined by '+'");
  EXPECT_EQ(error({}),
            "model 'line': sizes lacks 'points': give the largest that calls will use, .sizes = {{\"points\", ...}}");
  EXPECT_EQ(error({.sizes = {{"points", 1}, {"pints", 2}}}),
            "model 'line': sizes gives 'pints', which nothing in the model depends on: it must be one of points");
  EXPECT_EQ(error({.sizes = {{"points", 0}}}), "model 'line': options.sizes.points is 0: it must be at least 1");
  EXPECT_THAT(error({.sizes = {{"points", 1}}, .threads = -1}), HasSubstr("options.threads is -1: it must be 1 to "));
}

TEST_F(Compile, ModelsThatDoNotCompile) {
  int first = __LINE__ + 1;
  Model two("two");
  two.output("z", two.input("x", {two.symbol("a")}) + sum(two.input("y", {two.symbol("b")})));
  EXPECT_THAT(errorOf([&] { compile(two); }),
              MatchesRegex(std::string(__FILE__) + ":" + std::to_string(first) + ": error: .*one symbolic size.*"));
  Model word("while");
  word.output("y", exp(word.input("x", {3})));
  EXPECT_THAT(errorOf([&] { compile(word); }),
              HasSubstr("error: the model's name 'while' is a word of C or C++: give it another"));
  EXPECT_THAT(errorOf([&] { compile(Model("empty")); }), HasSubstr("error: model 'empty' has no output"));
}

TEST_F(Compile, MistakesInCalls) {
  Program program = compile(line(), options());
  const std::vector<float> before = program.get<float>("slope");
  auto error = [&](auto &&...arguments) { return errorOf([&] { program.train_step(arguments...); }); };
  const float constant = 0;
  std::vector<int32_t> whole(4);
  std::vector<float> short_(3);
  std::vector<double> precise(4);
  EXPECT_EQ(error(4, x, y, &loss),
            "model 'line': train_step takes 5 arguments (points, x, y, rate, loss), and 4 are given: "
            "give these, in this order");
  EXPECT_EQ(error(x, 4, y, 0.1, &loss),
            "model 'line': train_step: 'points' is a size, and f32 elements are given: give a whole number");
  EXPECT_EQ(error(4.5, x, y, 0.1, &loss),
            "model 'line': train_step: 'points' is a size, and a floating-point number is given: give a whole number");
  EXPECT_EQ(error(4, whole, y, 0.1, &loss),
            "model 'line': train_step: 'x' is f32 (points), and i32 elements are given: give elements of type float");
  EXPECT_EQ(error(4, x, precise, 0.1, &loss),
            "model 'line': train_step: 'y' is f32 (points), and f64 elements are given: give elements of type float");
  EXPECT_EQ(error(4, x, short_, 0.1, &loss),
            "model 'line': train_step: 'y' is f32 (points), 4 elements or 16 bytes here, and "
            "only 3 elements are given: give as many");
  EXPECT_EQ(error(4, x, y, x, &loss),
            "model 'line': train_step: 'rate' is f32, and f32 elements are given: give a number by value");
  EXPECT_EQ(error(4, x, y, 0.1, loss), "model 'line': train_step: 'loss' is f32, and a floating-point number is given: "
                                       "give a container, an array or an address");
  EXPECT_EQ(error(4, x, y, 0.1, &constant), "model 'line': train_step: 'loss' is f32 and is written, and constant "
                                            "elements are given: give some that can change");
  EXPECT_EQ(error(4, x, (float *)nullptr, 0.1, &loss), "model 'line': gradients: argument 'y' is null");
  EXPECT_EQ(error(5, x, y, 0.1, &loss), "model 'line': gradients: points 5 is beyond the 4 given at create");
  EXPECT_EQ(error(0, x, y, 0.1, &loss), "model 'line': gradients: points is 0: it must be at least 1");
  EXPECT_EQ(errorOf([&] { program.call("trane_step", {}); }),
            "model 'line': there is no entry point 'trane_step': it must be "
            "one of forward, gradients, update, train_step");
  EXPECT_EQ(program.get<float>("slope"), before); // nothing of it ran
}

TEST_F(Compile, MistakesInState) {
  Program program = compile(line(), options());
  EXPECT_THAT(errorOf([&] { program.get<float>("slop"); }),
              MatchesRegex("model 'line': there is no state tensor 'slop' among the [0-9]+ \\(offset, slope, "
                           "gradient/offset, .*, \\.\\.\\.\\): give the name "
                           "of one of them"));
  EXPECT_EQ(errorOf([&] { program.get<double>("slope"); }),
            "model 'line': get: 'slope' is f32 (1), and f64 elements are given: give elements of type float");
  EXPECT_EQ(
      errorOf([&] { program.set("slope", std::vector<float>()); }),
      "model 'line': set: 'slope' is f32 (1), 1 elements or 4 bytes here, and only 0 elements are given: give as many");
  EXPECT_EQ(errorOf([&] { program.set("slope", 2.0); }), "model 'line': set: 'slope' is f32 (1), and a floating-point "
                                                         "number is given: give a container, an array or an address");
  EXPECT_THAT(errorOf([&] { program.load("/nowhere"); }), HasSubstr("'/nowhere'"));
  EXPECT_THAT(errorOf([&] { program.save("/nowhere/file"); }), HasSubstr("/nowhere/file"));
  EXPECT_THAT(errorOf([&] { program.load_checkpoint("/nowhere"); }), HasSubstr("'/nowhere'"));
  EXPECT_THAT(errorOf([&] { program.save_checkpoint("/nowhere/file"); }), HasSubstr("/nowhere/file"));
}

/// Attention over 5 tokens whose bias is a table of all distances but for what lies `outside`.
Model biased(int64_t outside) {
  Model biased("biased");
  Tensor q = biased.input("q", {1, 2, 5, 8}), table = biased.parameter("table", {2, 9 - outside}, zeros());
  auto score = [&](Scalar s, Index, Index h, Index i, Index j) { return s + load(table, h, j - i + 4); };
  Tensor y = attention(q, q, q, {.score = score});
  biased.output("y", y);
  biased.train(sum(y), SGD{});
  return biased;
}

TEST_F(Compile, ChecksWhereFunctionsLoad) {
  std::vector<float> q(80, 0.5f), y(80);
  float loss;
  for (bool checks : {false, true})
    for (int64_t outside : {0, 1}) {
      Program program = compile(biased(outside), {.checks = checks, .cache = cache()});
      auto run = [&] { program.train_step(q, 0.1, &loss); };
      if (checks && outside)
        EXPECT_THAT([&] { program.forward(q, y); },
                    testing::ThrowsMessage<Error>(
                        HasSubstr("a function of attention loads element 8 of dimension 1 of a tensor "
                                  "that has elements 0 to 7 (in kernel 'attention_0')")));
      else
        EXPECT_NO_THROW(run(); program.forward(q, y));
    }
}

} // namespace
