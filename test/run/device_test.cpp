// Training on a device against the processor, from one library: losses, parameters, bits, files, handles at once.
// FOVEA_DEVICE_TARGET names another target than opencl.
#include "convolutions.h"
#include "perceptron.h"
#include "transformer.h"

#include "test/Devices.h"
#include "test/TemporaryFolder.h"
#include "test/run/Trained.h"

#include <cmath>
#include <thread>

FOVEA_TRAINED(perceptron, float);
FOVEA_TRAINED(convolutions, float);
FOVEA_TRAINED(transformer, float);

using fovea::TemporaryFolder;
using testing::HasSubstr;

namespace {

constexpr int64_t batch = 9;
constexpr int steps = 4;

const char *deviceTarget() {
  const char *given = std::getenv("FOVEA_DEVICE_TARGET");
  return given ? given : "opencl";
}

/// What is compared of a model: parameters and what the optimizer keeps of them, with their sizes.
template <typename Trained> struct State;
template <> struct State<perceptron_trained> {
  static constexpr std::pair<const char *, size_t> tensors[] = {{"hidden.weight", 784 * 65}, {"hidden.bias", 65},
                                                                {"norm.scale", 65},          {"head.weight", 650},
                                                                {"head.bias", 10},           {"ema/head.weight", 650}};
};
template <> struct State<convolutions_trained> {
  static constexpr std::pair<const char *, size_t> tensors[] = {
      {"conv1.weight", 54}, {"norm1.scale", 6}, {"norm1.running_mean", 6}, {"conv2.weight", 648}, {"head.weight", 120}};
};

template <> struct State<transformer_trained> {
  static constexpr std::pair<const char *, size_t> tensors[] = {{"patches.weight", 32 * 49},
                                                                {"position", 16 * 32},
                                                                {"blocks.0.attention.qkv.weight", 32 * 96},
                                                                {"blocks.1.down.weight", 128 * 32},
                                                                {"head.bias", 10}};
};

/// Losses of a few steps, logits, then the state.
template <typename Trained> std::vector<std::vector<float>> run(Trained &trained, int first = 0, int count = steps) {
  std::vector<std::vector<float>> results(2);
  auto label = labelsFor(batch);
  for (int step = first; step < first + count; ++step) {
    int64_t items = step == 2 ? 5 : batch; // other sizes in between
    results[0].push_back(-1);
    trained.train_step(items, pictures<float>(items, step + 1).data(), label.data(), 1e-2f, &results[0].back());
  }
  results[1].resize(batch * 10);
  trained.forward(batch, pictures<float>(batch, 99).data(), results[1].data());
  for (auto [name, size] : State<Trained>::tensors) results.push_back(trained.get(name, size));
  return results;
}

template <typename Trained> struct TrainingOnDevice : TemporaryFolder {
  void SetUp() override {
    if (std::string why = fovea::whyNoDevice(deviceTarget()); !why.empty()) GTEST_SKIP() << why;
  }
};
using Models = testing::Types<perceptron_trained, convolutions_trained, transformer_trained>;
TYPED_TEST_SUITE(TrainingOnDevice, Models);

TYPED_TEST(TrainingOnDevice, AgreesWithTheProcessor) {
  TypeParam device(batch, 1, 1, deviceTarget()), host(batch, 2, 1, "x86-64-v3");
  auto found = run(device), expected = run(host);
  for (size_t part = 0; part < expected.size(); ++part)
    for (size_t i = 0; i < expected[part].size(); ++i)
      ASSERT_NEAR(found[part][i], expected[part][i], 2e-4 * std::max(1.f, std::abs(expected[part][i])))
          << "part " << part << ", element " << i;
  EXPECT_NE(found[0][0], found[0][1]);
}

TYPED_TEST(TrainingOnDevice, HasTheSameBitsFromRunToRun) {
  TypeParam first(batch, 1, 1, deviceTarget()), second(batch, 1, 1, deviceTarget());
  EXPECT_EQ(run(first), run(second));
}

TYPED_TEST(TrainingOnDevice, GoesOnFromACheckpointAlsoOnTheProcessor) {
  std::string path = this->folder / "checkpoint", parameters = this->folder / "parameters";
  TypeParam device(batch, 1, 1, deviceTarget());
  run(device, 0, 2);
  device.save(path);
  device.check(TypeParam::saveParameters(device.model, parameters.c_str()));
  TypeParam again(batch, 1, 7, deviceTarget()), host(batch, 1, 8, "x86-64-v3");
  again.load(path);
  host.load(path);
  auto expected = run(device, 2, 2), found = run(again, 2, 2), onHost = run(host, 2, 2);
  EXPECT_EQ(found, expected);
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(onHost[0][i], expected[0][i], 2e-4);
  again.save(path);
  device.save(path + "2");
  EXPECT_EQ(bytesOf(path), bytesOf(path + "2"));

  TypeParam other(batch, 1, 9, deviceTarget());
  other.check(TypeParam::loadParameters(other.model, parameters.c_str()));
  other.check(TypeParam::saveParameters(other.model, (parameters + "2").c_str()));
  EXPECT_EQ(bytesOf(parameters), bytesOf(parameters + "2"));
}

TYPED_TEST(TrainingOnDevice, StateCanBeReadAndSet) {
  TypeParam trained(batch, 1, 1, deviceTarget());
  for (auto [name, size] : State<TypeParam>::tensors) {
    std::vector<float> values(size);
    for (size_t i = 0; i < size; ++i) values[i] = float(i % 97) / 97;
    trained.set(name, values);
    EXPECT_EQ(trained.get(name, size), values) << name;
  }
}

TYPED_TEST(TrainingOnDevice, AccumulatesGradients) {
  TypeParam device(batch, 1, 1, deviceTarget()), host(batch, 1, 1, "x86-64-v3");
  auto label = labelsFor(batch);
  auto image = pictures<float>(batch);
  for (TypeParam *each : {&device, &host}) {
    float loss;
    each->gradients(batch, image.data(), label.data(), &loss);
    each->gradients(batch, image.data(), label.data(), &loss);
  }
  std::vector<float> found = device.get("gradient/head.bias", 10), expected = host.get("gradient/head.bias", 10);
  for (int i = 0; i < 10; ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);
  device.update(1e-2f, 0.5f);
  EXPECT_EQ(device.get("gradient/head.bias", 10), std::vector<float>(10));
}

TYPED_TEST(TrainingOnDevice, RunsInTwoHandlesAtOnce) {
  TypeParam alone(batch, 1, 1, deviceTarget()), other(batch, 1, 2, deviceTarget());
  auto first = run(alone), second = run(other);
  EXPECT_NE(first, second);
  auto repeat = [](uint64_t seed, const std::vector<std::vector<float>> &expected) {
    TypeParam trained(batch, 1, seed, deviceTarget());
    EXPECT_EQ(run(trained), expected) << "seed " << seed;
  };
  std::thread a(repeat, 1, first), b(repeat, 2, second);
  a.join();
  b.join();
}

struct DeviceOptions : testing::Test {
  void SetUp() override {
    if (std::string why = fovea::whyNoDevice(deviceTarget()); !why.empty()) GTEST_SKIP() << why;
    options.sizes.batch = batch;
    options.target = deviceTarget();
  }
  perceptron_options options = PERCEPTRON_OPTIONS_DEFAULT;
};

TEST_F(DeviceOptions, ProfileIsCalledForEveryLaunch) {
  struct Profile {
    int launches = 0;
    double seconds = 0;
  } profile;
  options.profile = [](void *context, const char *kernel, double seconds) {
    EXPECT_NE(std::string(kernel), "");
    ++static_cast<Profile *>(context)->launches;
    static_cast<Profile *>(context)->seconds += seconds;
  };
  options.profile_context = &profile;
  perceptron *model = perceptron_create(&options);
  ASSERT_TRUE(model) << perceptron_last_error(nullptr);
  std::vector<float> logits(batch * 10);
  ASSERT_EQ(perceptron_forward(model, batch, pictures<float>(batch).data(), logits.data()), 0);
  int once = profile.launches;
  EXPECT_GT(once, 1);
  EXPECT_GT(profile.seconds, 0);
  ASSERT_EQ(perceptron_forward(model, batch, pictures<float>(batch).data(), logits.data()), 0);
  EXPECT_EQ(profile.launches, 2 * once);
  perceptron_destroy(model);
}

TEST_F(DeviceOptions, ADeviceThatThereIsNotIsAnError) {
  options.device = 999;
  EXPECT_FALSE(perceptron_create(&options));
  EXPECT_THAT(perceptron_last_error(nullptr), HasSubstr("999"));
  EXPECT_THAT(perceptron_last_error(nullptr), HasSubstr("options.device"));
}

TEST_F(DeviceOptions, ACallBeyondTheSizesLeavesTheHandleUsable) {
  perceptron_trained trained(batch, 1, 1, deviceTarget());
  std::vector<float> logits((batch + 1) * 10);
  EXPECT_EQ(perceptron_forward(trained.model, batch + 1, pictures<float>(batch + 1).data(), logits.data()),
            PERCEPTRON_INVALID_ARGUMENT);
  trained.forward(batch, pictures<float>(batch).data(), logits.data());
}

} // namespace
